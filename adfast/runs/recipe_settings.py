"""The settings of a recipe with those of what it names: its family and its source algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adfast.catalogue import Catalogue
from adfast.config import Config
from adfast.errors import InvalidArgument
from adfast.runs.recipe import CHOOSERS, OPTIONS, Recipe
from adfast.settings.described import Setting, describe
from adfast.source_algorithms.catalogue import SOURCE_ALGORITHMS
from adfast.tasks.catalogue import FAMILIES

# Section -> what its chooser names.
NAMED: Mapping[str, Catalogue[Any]] = {"family": FAMILIES, "collection": SOURCE_ALGORITHMS}


def recipe_settings(values: Mapping[str, Any]) -> list[Setting]:
    """The settings of a recipe of the tables `values`, its options as those of their owners.

    The options of what cannot be found stay one setting, as the table that they are.
    """
    settings = {setting.path: setting for setting in describe(Recipe, values)}
    found: list[Setting] = []
    for path, setting in settings.items():
        section, _, name = path.partition(".")
        owner = None
        if name == OPTIONS and section in CHOOSERS:
            owner = owner_of(section, settings[f"{section}.{CHOOSERS[section]}"].value)
        if owner is None:
            found.append(setting)
        else:
            given = setting.value if isinstance(setting.value, Mapping) else {}
            found += describe(owner, given, f"{path}.")
    return found


def owner_of(section: str, name: Any) -> type[Config] | None:
    """The class that the chooser of `section` names; None where it cannot be found."""
    try:
        return NAMED[section].find(name)
    except InvalidArgument:
        return None
