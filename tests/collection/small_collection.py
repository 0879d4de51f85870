"""A collection of many small blocks in a small room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adfast import tasks
from adfast.collection.collect import collect
from adfast.collection.config import CollectionConfig
from adfast.collection.plan import CollectionPlan

HELD_OUT = 5


def make_plan(seed: int = 4, **settings: Any) -> CollectionPlan:
    """Six repetitions of the 20 training tasks of a 5x5 room."""
    family = tasks.make("dark-room", size=5, episode_length=10)
    config = {"histories_per_task": 6, "episodes": 12, "keep_every": 5, "block_histories": 7}
    return CollectionPlan(
        family,
        family.split(HELD_OUT, seed=1).train,
        CollectionConfig.from_mapping(config | settings),
        seed,
    )


def collect_and_acknowledge(
    acknowledge: Callable[[int], None], path: Path, settings: dict[str, Any]
) -> None:
    """Collect on behind the stored blocks; acknowledges how many there are after each."""
    collect(make_plan(**settings), path, on_block=lambda blocks, transitions: acknowledge(blocks))
