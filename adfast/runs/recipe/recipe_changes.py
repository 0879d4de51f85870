"""How a recipe is found, read and changed: its file, the settings given, and what a method sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from adfast.config import (
    apply_overrides,
    deep_merge,
    list_differences,
    nested,
    read_toml,
    refuse_unknown_keys,
    section_at,
    with_none_names,
)
from adfast.errors import InvalidArgument, UnknownName
from adfast.runs.recipe.methods import AD, RL2, find_method
from adfast.runs.recipe.recipe import COLLECTED, RECORDED, Recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
# Of a recipe: what `adfast sweep` and `adfast scale` vary, no settings of a run.
STUDY_TABLES = SWEEP_TABLE, SCALE_TABLE = "sweep", "scale"
# Section -> the setting that chooses what its options are of, and the setting of these options.
CHOOSERS = {
    "family": ("name", "options"),
    "collection": ("algorithm", "options"),
    "evaluation": ("agent", "agent_options"),
    "evaluation.family": ("name", "options"),
}
# What RL2 reads of [collection]: the split, and the source that its page draws beside it.
SPLIT = ("held_out", "validation", "split_seed", "split", "leak")
OF_SOURCE = ("algorithm", "options", "keep_every")

# `{"training.updates": 9}`, also with tables as values, or `["training.updates=9"]` as on the
# command line.
Changes = Mapping[str, Any] | Iterable[str]


def load_recipe(path: Path, changes: Changes = ()) -> Recipe:
    """The run that a TOML file describes, with `changes` over it."""
    values = read_toml(path)
    values = {name: table for name, table in values.items() if name not in STUDY_TABLES}
    histories = values.get("histories")
    if isinstance(histories, dict) and isinstance(histories.get("path"), str):
        histories["path"] = str(path.absolute().parent / histories["path"])
    return configure(values, changes, path.name)


def configure(values: Mapping[str, Any], changes: Changes, source: str) -> Recipe:
    """The run of the tables `values` of the file `source`, with `changes` over them."""
    refuse_unknown_keys(Recipe, values, source=source)
    if isinstance(changes, Mapping):
        given, tables = "the settings given", nested(changes)
    else:
        given, tables = "--set", apply_overrides({}, changes)
    refuse_unknown_keys(Recipe, tables, source=given)
    source += f" with {given}" if tables else ""
    return Recipe.from_mapping(with_method(values, tables, source), source=source)


def of_method(method: str | None, changes: Changes) -> Changes:
    """`changes` that name the method, where one is given; raises `UnknownName`."""
    if method is None:
        return changes
    find_method(method)
    if isinstance(changes, Mapping):
        return {"method": method, **changes}
    return [f"method={method}", *changes]


def with_method(
    values: Mapping[str, Any], changes: Mapping[str, Any], source: str
) -> dict[str, Any]:
    """`values`, over them what the method sets that `changes` name, and `changes` over all.

    Where `values` name the method themselves, its settings are below theirs: a run's are resolved.
    Raises `InvalidArgument` where they name another than `changes` do.
    """
    before = values.get("method", AD)
    asked = changes.get("method", before)
    overlay = nested(find_method(asked).settings)
    recorded = [name for name in RECORDED if name in values or name in changes]
    if recorded and any(name in overlay for name in COLLECTED):
        raise InvalidArgument(
            f'{source}: method "{asked}" collects histories of its own, and [{recorded[0]}] says '
            "that they were recorded; take a method that changes none, or a recipe of a family"
        )
    if asked == RL2:
        refuse_collecting(changes, source)
    if asked == before:
        return lay_over(lay_over(overlay, values), changes)
    if before != AD:
        raise InvalidArgument(
            f'{source}: method is "{before}" already, whose settings "{asked}" would not undo; '
            "begin from a recipe that names none"
        )
    if asked == RL2:  # how the model of the recipe is trained on histories is not asked here
        body = table_at(changes, "rl2").get("body")
        passed_over = ("training",) if body == "transformer" else ("training", "model")
        values = {name: value for name, value in values.items() if name not in passed_over}
    return lay_over(lay_over(values, overlay), changes)


def refuse_collecting(changes: Mapping[str, Any], source: str) -> None:
    """Raise `InvalidArgument` where `changes` say how RL2 should collect, which it does not."""
    known = (*SPLIT, *OF_SOURCE)
    for name in table_at(changes, "collection"):
        if name not in known:
            raise InvalidArgument(
                f'{source}: collection.{name} means nothing to method "{RL2}", which collects no '
                f"histories; of [collection] it reads {', '.join(SPLIT)}, and for the source that "
                f"it is drawn beside {', '.join(OF_SOURCE)}"
            )


def changed(recipe: Recipe, changes: Changes) -> Recipe:
    """`recipe` with `changes` over it."""
    return configure(with_none_names(recipe.model_dump(mode="json")), changes, "the run's settings")


def differences_of(recipe: Recipe, asked: Recipe) -> list[str]:
    """The settings in which two recipes differ, as a message says them."""
    return list_differences(recipe.model_dump(mode="json"), asked.model_dump(mode="json"))


def lay_over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes` over them; another family, algorithm or agent has its own options.

    Those in `values` are of the one that is replaced, and would mean something else or nothing; a
    temperature and a return that is asked for, too, are the agent's that they were chosen for.
    """
    kept = dict(values)
    for section, (chooser, options) in CHOOSERS.items():
        before, after = table_at(values, section), table_at(changes, section)
        if chooser in after and after[chooser] != before.get(chooser, default_of(section, chooser)):
            kept = without(kept, f"{section}.{options}")
            if section == "evaluation":
                kept = without(kept, "evaluation.temperature")
                kept = without(kept, "evaluation.target_return")
    return deep_merge(kept, changes)


def without(values: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """`values` without the one at a dotted path."""
    key, _, below = setting.partition(".")
    if not below:
        return {name: value for name, value in values.items() if name != key}
    table = values.get(key)
    return {**values, key: without(table, below)} if isinstance(table, Mapping) else dict(values)


def table_at(values: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    """The table of `values` at a dotted path; empty where there is none."""
    for key in section.split("."):
        below = values.get(key)
        values = below if isinstance(below, Mapping) else {}
    return values


def default_of(section: str, field: str) -> Any:
    """The default of a field of the section at a dotted path of a recipe."""
    config: type[BaseModel] | None = Recipe
    for key in section.split("."):
        config = None if config is None else section_at(config, key)
    assert config is not None, "as CHOOSERS has it"
    return config.model_fields[field].get_default(call_default_factory=True)


def recipe_names() -> list[str]:
    """The recipes that adfast ships: `dark-room` is the file `dark_room.toml`."""
    return sorted(path.stem.replace("_", "-") for path in RECIPES.glob("*.toml"))


def find_recipe(recipe: str) -> Path:
    """The file of a shipped recipe's name, or the TOML file `recipe` itself."""
    if recipe in recipe_names():
        return RECIPES / f"{recipe.replace('-', '_')}.toml"
    path = Path(recipe)
    shipped = (
        f"give the path of a recipe, or the name of a shipped one: {', '.join(recipe_names())}"
    )
    if path.is_dir():
        raise InvalidArgument(f"{recipe} is a folder that holds no run and no sweep; {shipped}")
    if path.suffix == ".toml" and not path.exists():
        raise InvalidArgument(f"{recipe}: no such file; {shipped}")
    if path.suffix == ".toml":
        return path
    raise UnknownName("recipe", recipe, recipe_names(), otherwise=", or the path of a .toml file")
