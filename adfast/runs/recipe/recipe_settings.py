"""The settings of a recipe with the options of what it names, or of a family or the like alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from adfast.catalogue import Catalogue
from adfast.config import Config, apply_overrides
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.config import OWN_MODEL
from adfast.runs.listed import find_member
from adfast.runs.recipe.feasible import check_agent, named
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import CHOOSERS, recipe_names
from adfast.runs.run_place import plan_run
from adfast.settings.described import Setting, describe
from adfast.source_algorithms.catalogue import SOURCE_ALGORITHMS
from adfast.tasks.catalogue import FAMILIES

# Section -> what its chooser names.
NAMED: Mapping[str, Catalogue[Any]] = {
    "family": FAMILIES,
    "collection": SOURCE_ALGORITHMS,
    "evaluation": AGENTS,
    "evaluation.family": FAMILIES,
}


def settings_of(name: str, changes: Sequence[str] = (), method: str | None = None) -> list[Setting]:
    """The settings of a recipe, a TOML file or a run directory, or else of what is listed.

    Those of a `method` are laid over a recipe's. `changes` are laid over all, `training.updates=9`
    or, of what is listed, `size=5`. Raises `InvalidArgument` for settings that cannot be.
    """
    if name in recipe_names() or name.endswith(".toml") or Path(name).is_dir():
        _, recipe = plan_run(name, None, changes, method)
        check_options(recipe)
        return recipe_settings(recipe.model_dump(mode="json"))
    if method is not None:
        raise InvalidArgument(f"--method is of a recipe or a run, and {name} is none; leave it out")
    member = find_member(name)
    values = apply_overrides({}, changes)
    if not values:
        return describe(member)
    return describe(member, member.from_mapping(values, source=name).model_dump(mode="json"))


def check_options(recipe: Recipe) -> None:
    """Raise `InvalidArgument` for a family, an algorithm or an agent that has not these options."""
    for section, (chooser, options) in CHOOSERS.items():
        table = attrgetter(section)(recipe)
        if table is None:
            continue
        with named(section):
            if section == "evaluation":
                check_agent(recipe)
            else:
                NAMED[section].make(getattr(table, chooser), **getattr(table, options))


def recipe_settings(values: Mapping[str, Any]) -> list[Setting]:
    """The settings of a recipe of the tables `values`, its options as those of their owners.

    Sections that `values` have not are left out. The options of what cannot be found stay one
    setting, as the table that they are.
    """
    settings = {
        setting.path: setting
        for setting in describe(Recipe, values)
        if not setting.table or setting.table.partition(".")[0] in values
    }
    found: list[Setting] = []
    for path, setting in settings.items():
        section, _, name = path.rpartition(".")
        owner = None
        chooser, options = CHOOSERS.get(section, (None, None))
        if name == options:
            owner = owner_of(section, settings[f"{section}.{chooser}"].value)
        if owner is None:
            found.append(setting)
        else:
            given = setting.value if isinstance(setting.value, Mapping) else {}
            found += describe(owner, given, f"{path}.")
    return found


def owner_of(section: str, name: Any) -> type[Config] | None:
    """The class that the chooser of `section` names; None where it cannot be found.

    What the run's own model takes stands in the section itself.
    """
    if section == "evaluation" and name == OWN_MODEL:
        return None
    try:
        return NAMED[section].find(name)
    except InvalidArgument:
        return None
