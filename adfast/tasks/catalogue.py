"""The task families by name. A new family is one file here and one line below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adfast.catalogue import Catalogue

if TYPE_CHECKING:
    from adfast.tasks.family import TaskFamily

# Imported when asked for: a family brings Numba, 1.3 s to import.
FAMILIES: Catalogue[TaskFamily] = Catalogue(
    kind="task family",
    group="adfast.tasks",
    base="adfast.tasks.family:TaskFamily",
    shipped={
        "dark-room": "adfast.tasks.gridworlds.dark_room:DarkRoom",
        "cliff-walking": "adfast.tasks.gridworlds.cliff_walking:CliffWalking",
        "dark-house": "adfast.tasks.gridworlds.dark_house:DarkHouse",
        "frozen-lake": "adfast.tasks.gridworlds.frozen_lake:FrozenLake",
        "key-to-door": "adfast.tasks.gridworlds.key_to_door:KeyToDoor",
        "bandit": "adfast.tasks.bandit:Bandit",
        "random-world": "adfast.tasks.random_world:RandomWorld",
        "keys-and-boxes": "adfast.tasks.gridworlds.keys_and_boxes:KeysAndBoxes",
        "water-maze": "adfast.tasks.mazes.water_maze:WaterMaze",
        "mixture": "adfast.tasks.mixture:Mixture",
    },
)


def names() -> list[str]:
    """The names that `make` knows beside full ones, sorted."""
    return FAMILIES.names()


def make(name: str, /, **options: Any) -> TaskFamily:
    """The task family `name`, or of one's own "package.module:Class", with `options`.

    Raises `UnknownName` for an unknown family or option, `InvalidArgument` for a bad value.
    """
    return FAMILIES.make(name, **options)
