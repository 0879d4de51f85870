"""One transition schema for families of different kinds, so that one model can act in all of them.

What is observed becomes one number: the components of a family's observation, the last fastest (row
* columns + column). So the rows of a model's embedding are trained by every family that has so many
observations, and none is of one family's components alone. Actions beyond those that a family has
are spare: they do nothing, and the step is over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import InvalidArgument, shown
from adfast.tasks.observation import MAX_SIZE, DiscreteObservation
from adfast.tasks.transition_schema import REWARD_DTYPES, TransitionSchema
from adfast.values import require_kind

if TYPE_CHECKING:
    from adfast.tasks.family import TaskFamily


def shared_schema(families: Any, kinds: int | None = None) -> TransitionSchema:
    """The schema that holds the transitions of all `families`; whatever is padded has this one.

    Episodes are as long as the longest, and rewards of the narrowest dtype that holds those of
    all. With `kinds`, which of so many kinds a task is of is a second component of what is
    observed.

    Raises `InvalidArgument` for no family, one whose observations are not counted, and one with
    more than 65,536 of them.
    """
    from adfast.tasks.family import TaskFamily  # brings Numba, as all families do

    require_kind("families", families, Iterable, "a list of task families")
    members = list(families)
    if not members:
        raise InvalidArgument("families must not be empty; give those that are to share a schema")
    for family in members:
        require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
    schemas = [family.transition_schema for family in members]
    numbers = max(number_of_observations(family) for family in members)
    return TransitionSchema(
        DiscreteObservation((numbers,) if kinds is None else (numbers, kinds)),
        max(schema.num_actions for schema in schemas),
        max(schema.episode_length for schema in schemas),
        shared_reward_dtype([schema.reward_dtype for schema in schemas]),
    )


def number_of_observations(family: TaskFamily) -> int:
    """How many observations a family has; raises `InvalidArgument` where they cannot be padded."""
    count = math.prod(family.observation_sizes)
    if count > MAX_SIZE:
        raise InvalidArgument(
            f"observations of {family.name} must be at most {MAX_SIZE:,} to be counted by one "
            f"number, but {shown(family.observation_sizes)} are {count:,}; make the family smaller"
        )
    return count


def shared_reward_dtype(names: Iterable[str]) -> str:
    """The narrowest dtype that holds every reward of all `names`; beside floats, integers round."""
    dtypes = [np.dtype(name) for name in names]
    for wide in map(np.dtype, REWARD_DTYPES):
        if all(wide.kind == "f" or np.can_cast(dtype, wide) for dtype in dtypes):
            return wide.name
    raise AssertionError("float32 holds all")
