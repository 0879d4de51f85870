"""What can be named, from recipes to probes, with what each is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adfast.catalogue import Catalogue
from adfast.config import Config
from adfast.errors import InvalidArgument, UnknownName
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.probes.catalogue import PROBES
from adfast.runs.recipe.methods import METHODS
from adfast.runs.recipe.recipe_changes import find_recipe, recipe_names
from adfast.source_algorithms.catalogue import SOURCE_ALGORITHMS
from adfast.tasks.catalogue import FAMILIES

RECIPES = "recipes"
CATALOGUES: Mapping[str, Catalogue[Any]] = {
    "families": FAMILIES,
    "algorithms": SOURCE_ALGORITHMS,
    "agents": AGENTS,
    "probes": PROBES,
}
METHOD_KIND = "methods"
KINDS = (RECIPES, METHOD_KIND, *CATALOGUES)


@dataclass(frozen=True)
class Listed:
    """A name, and in a sentence what it is; or why it cannot be used."""

    name: str
    about: str
    problem: str | None = None


def listed(kind: str) -> list[Listed]:
    """All that go by a name, of one of `KINDS`; raises `UnknownName` for another kind."""
    if kind == RECIPES:
        return [Listed(name, about_recipe(name)) for name in recipe_names()]
    if kind == METHOD_KIND:
        return [Listed(name, method.about) for name, method in METHODS.items()]
    if kind not in CATALOGUES:
        raise UnknownName("list", kind, KINDS)
    return list(members_of(CATALOGUES[kind]))


def members_of(catalogue: Catalogue[Any]) -> Iterator[Listed]:
    """The classes of a catalogue with the first line of their docstrings; imports all of them."""
    for name in catalogue.names():
        try:
            about = about_class(catalogue.find(name))
        except InvalidArgument as error:
            yield Listed(name, "", str(error))
        else:
            yield Listed(name, about)


def about_class(found: type[Config]) -> str:
    """The first line of a class's own docstring."""
    return (found.__dict__.get("__doc__") or "").strip().partition("\n")[0]


def about_recipe(name: str) -> str:
    """The first sentence of the comment that a shipped recipe begins with."""
    lines = find_recipe(name).read_text(encoding="utf-8").splitlines()
    length = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    comment = " ".join(line.lstrip("# ") for line in lines[:length])
    sentence = re.match(r".*?[.?!](?= |$)", comment)
    return sentence[0] if sentence else comment


def all_names() -> set[str]:
    """Every name of every kind; imports no class."""
    members = (name for catalogue in CATALOGUES.values() for name in catalogue.names())
    return {*recipe_names(), *members}


def find_member(name: str) -> type[Config]:
    """The family, algorithm, agent or probe called `name`, also by its "package.module:Class".

    Raises `UnknownName`, or `InvalidArgument` where it cannot be imported.
    """
    for catalogue in CATALOGUES.values():
        if name in catalogue.names():
            return catalogue.find(name)
    if ":" not in name:
        own = ', the path of a recipe or a run, or a class as "package.module:Class"'
        raise UnknownName("name", name, all_names(), otherwise=own)
    problems = []
    for catalogue in CATALOGUES.values():
        try:
            return catalogue.find(name)
        except InvalidArgument as error:
            problems.append(error)
    raise problems[0]
