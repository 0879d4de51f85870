"""A family's plain functions, called once and checked: what the schema cannot hold is refused.

Compiled loops only notice that a value does not fit (`tasks.compiled.schema_guards`); these say
which function returned it, in which task and state, and the rule. `check_family` plays by them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from adfast.errors import InvalidArgument, legible, shown
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    REWARD_DTYPES,
)

if TYPE_CHECKING:
    from adfast.tasks.family import TaskFamily

State = tuple[int, ...]


def checked_reset(family: TaskFamily, task_id: int, episode: int, key: int) -> State:
    """The state that begins an `episode`; raises `InvalidArgument` unless it is one."""
    place = f"reset of {family.name} in task {task_id}, episode {int(episode)}, key {int(key)}"
    arguments = parameters(family, task_id), np.uint32(episode), np.uint32(key)
    state = call(place, family_functions(family)[0], *arguments)
    return checked_tuple(place, "state", state, "state_sizes", family.state_sizes)


def checked_step(
    family: TaskFamily, task_id: int, state: Any, action: int, key: int
) -> tuple[State, int | float, int]:
    """What `step` returns; raises `InvalidArgument` unless it is (state, reward, terminated).

    The last is 0, `BOUNDARY_TERMINATED` or, of a family that `truncates`, `BOUNDARY_TRUNCATED`.
    """
    before = tuple(int(value) for value in state)
    place = f"step of {family.name} in task {task_id}, state {before}, action {int(action)}"
    if family.has_random_steps:
        place += f", key {int(key)}"
    task, now = parameters(family, task_id), as_int32(before)
    result = call(place, family_functions(family)[1], task, now, int(action), np.uint32(key))
    if not isinstance(result, tuple) or len(result) != 3:
        raise InvalidArgument(
            f"{place} must return (state, reward, terminated), got {shown(result)}"
        )
    after, reward, terminated = result
    kept = checked_tuple(place, "state", after, "state_sizes", family.state_sizes)
    paid = checked_reward(place, reward, family.transition_schema.reward_dtype)
    return kept, paid, checked_end(place, terminated, truncates=family.truncates)


def checked_observe(family: TaskFamily, task_id: int, state: Any) -> State:
    """What `observe` returns; raises `InvalidArgument` unless it is an observation."""
    before = tuple(int(value) for value in state)
    place = f"observe of {family.name} in task {task_id}, state {before}"
    seen = call(place, family_functions(family)[2], parameters(family, task_id), as_int32(before))
    sizes = family.observation_sizes
    return checked_tuple(place, "observation", seen, "observation_sizes", sizes)


def checked_cell(family: TaskFamily, task_id: int, state: Any) -> State:
    """What `cell` returns; raises `InvalidArgument` unless it is a cell."""
    before = tuple(int(value) for value in state)
    place = f"cell of {family.name} in task {task_id}, state {before}"
    found = call(place, family.cell, parameters(family, task_id), as_int32(before))
    return checked_tuple(place, "cell", found, "cell_sizes", family.cell_sizes)


@lru_cache(1024)
def parameters(family: TaskFamily, task_id: int) -> tuple[Any, ...]:
    """The parameters of a task, int32 as the loops pass them."""
    return tuple(family.task_parameters(np.array([task_id]))[0])


def as_int32(state: State) -> tuple[Any, ...]:
    """A state as the loops pass it."""
    return tuple(np.int32(value) for value in state)


def call(place: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of the family returns; its own failure becomes an `InvalidArgument`."""
    try:
        with np.errstate(over="ignore"):  # random draws wrap round
            return function(*arguments)
    except Exception as error:
        raise InvalidArgument(
            f"{place} failed with {type(error).__name__}: {legible(str(error))}"
        ) from error


def as_whole(value: Any) -> int | None:
    """`value` as an integer, or None where it is no whole number."""
    if isinstance(value, (bool, int, np.bool_, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    return None


def checked_tuple(
    place: str, what: str, values: Any, rule: str, sizes: tuple[int, ...]
) -> tuple[int, ...]:
    """`values` as integers; raises `InvalidArgument` unless there is one below each of `sizes`."""
    if not isinstance(values, tuple) or len(values) != len(sizes):
        raise InvalidArgument(
            f"{place}: {what} must be a tuple of {len(sizes)} integers, one for each of {rule} "
            f"{shown(tuple(sizes))}, got {spelt(values)}"
        )
    for component, (value, size) in enumerate(zip(values, sizes, strict=True)):
        whole = as_whole(value)
        if whole is None or not 0 <= whole < size:
            raise InvalidArgument(
                f"{place}: component {component} of {what} {spelt(values)} must be an integer in "
                f"0..{size - 1} by {rule} {shown(tuple(sizes))}; mend the function or raise {rule}"
            )
    return tuple(int(value) for value in values)


def checked_reward(place: str, reward: Any, dtype: str) -> int | float:
    """`reward`; raises `InvalidArgument` unless `dtype` holds it."""
    if isinstance(reward, (bool, int, float, np.bool_, np.integer, np.floating)):
        if holds(dtype, reward):
            return float(reward) if dtype == "float32" else int(reward)
        wide = next((name for name in REWARD_DTYPES if holds(name, reward)), None)
        way_out = f'; declare reward_dtype="{wide}"' if wide else ""
    else:
        way_out = ""
    raise InvalidArgument(
        f"{place}: reward must be {described(dtype)} by the schema's reward_dtype {dtype}, "
        f"got {spelt(reward)}{way_out}"
    )


def checked_end(place: str, terminated: Any, *, truncates: bool) -> int:
    """The third value of `step` as an integer; raises `InvalidArgument` for what is none."""
    end = as_whole(terminated)
    if end in (BOUNDARY_INSIDE, BOUNDARY_TERMINATED) or (truncates and end == BOUNDARY_TRUNCATED):
        return int(terminated)
    rule, way_out = "true or false", ""
    if truncates:
        rule = "0, 1 (terminated) or 2 (truncated)"
    elif end == BOUNDARY_TRUNCATED:
        way_out = "; where 2 is a time limit of the task's own, declare truncates = True"
    raise InvalidArgument(f"{place}: terminated must be {rule}, got {spelt(terminated)}{way_out}")


def holds(dtype: str, reward: Any) -> bool:
    """Whether a reward dtype keeps a number: floats rounded but finite, integers exactly."""
    if dtype == "float32":
        return bool(abs(float(reward)) <= float(np.finfo(np.float32).max))
    whole, limits = as_whole(reward), np.iinfo(dtype)
    return whole is not None and limits.min <= whole <= limits.max


def described(dtype: str) -> str:
    """The numbers that a reward dtype holds, in words."""
    if dtype == "float32":
        return "a finite number"
    return f"an integer in {np.iinfo(dtype).min}..{np.iinfo(dtype).max}"


def spelt(value: Any) -> str:
    """A value as Python spells plain numbers, without the names of NumPy's types."""
    if isinstance(value, tuple):
        value = tuple(part.item() if isinstance(part, np.generic) else part for part in value)
    return shown(value.item() if isinstance(value, np.generic) else value)


def refuse_unexplained(family: TaskFamily, task_id: int) -> NoReturn:
    """Raise `InvalidArgument` where only the compiled function left the schema."""
    raise InvalidArgument(
        f"{family.name} leaves its schema in task {task_id} when compiled, but not uncompiled; "
        "make every operation int32, as in int32(state[0] + int32(1))"
    )


def uncompilable(family: TaskFamily, error: Exception) -> InvalidArgument:
    """The `InvalidArgument` that says why Numba cannot compile a family's functions."""
    reason = legible(" ".join(str(error).split()))
    return InvalidArgument(
        f"{family.name} does not compile: {reason}; adfast.check_family says in which function"
    )
