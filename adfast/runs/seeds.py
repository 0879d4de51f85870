"""Training seeds: a recipe as several runs, each with a split, data and a beginning of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from adfast.config import apply_overrides, nested
from adfast.errors import InvalidArgument, shown
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import Changes, changed
from adfast.values import as_seed

MAX_RUNS = 1_000  # of a folder of seeds
SPELT = re.compile(r"\s*(\d+)\s*(?:\.\.\s*(\d+)\s*)?")
PART = re.compile(r"seed-(\d+)")  # the folder of a seed's run


def parse_seeds(text: str) -> list[int]:
    """The seeds that `1..5`, `1,3,8` or both spell; raises `InvalidArgument`."""
    seeds: list[int] = []
    for part in text.split(","):
        found = SPELT.fullmatch(part)
        first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
        if last < first:
            raise InvalidArgument(
                f'seeds must be a range or a list in ascending order, 1..5 or 1,3,8, got "{text}"'
            )
        if last - first >= MAX_RUNS:
            raise InvalidArgument(f'there may be at most {MAX_RUNS} seeds, got "{text}"')
        seeds += range(first, last + 1)
    return checked_seeds(seeds)


def checked_seeds(seeds: Iterable[int]) -> list[int]:
    """`seeds` as a list of at least one, none twice; raises `InvalidArgument`."""
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Iterable):
        raise InvalidArgument(f"seeds must be integers, [1, 2, 3], got {shown(seeds)}")
    listed = [as_seed("seeds", seed) for seed in seeds]
    twice = next((seed for seed in listed if listed.count(seed) > 1), None)
    if twice is not None:
        raise InvalidArgument(f"seed {twice} is given twice; leave one out")
    if not 1 <= len(listed) <= MAX_RUNS:
        raise InvalidArgument(f"there must be 1 to {MAX_RUNS} seeds, got {len(listed)}")
    return listed


def recipes_of_seeds(recipe: Recipe, seeds: Iterable[int], changes: Changes) -> dict[str, Recipe]:
    """`recipe` with each seed by the name of its run's folder, `seed-1`.

    The seed draws the split too, unless `changes`, which `recipe` has already, set
    `collection.split_seed`: then only data and beginning are others. Raises `InvalidArgument`
    where they set the seed.
    """
    tables = nested(changes) if isinstance(changes, Mapping) else apply_overrides({}, changes)
    if "seed" in tables:
        raise InvalidArgument("seed is what the runs of several seeds differ in; do not set it")
    draws_split = recipe.histories is None and "split_seed" not in tables.get("collection", {})
    return {
        f"seed-{seed}": changed(
            recipe, {"seed": seed} | ({"collection.split_seed": seed} if draws_split else {})
        )
        for seed in checked_seeds(seeds)
    }
