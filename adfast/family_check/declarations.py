"""What a family declares: every public member is there, of its type, and within its range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from adfast.errors import InvalidArgument, shown
from adfast.family_check.chances import check_chances
from adfast.tasks.family import TaskFamily
from adfast.tasks.task_map import TaskMap
from adfast.tasks.transition_schema import MAX_EPISODE_LENGTH, TransitionSchema
from adfast.values import as_count, as_flag, require_kind

FUNCTIONS = ("reset", "step", "observe")
INT32 = 2**31 - 1
MAX_TASKS = 2**63 - 1


def check_declarations(family: Any) -> None:
    """Raise `InvalidArgument` unless the members that describe all tasks are what they must be."""
    require_kind("family", family, TaskFamily, "a TaskFamily; adfast.tasks.make gives one")
    kind = type(family).__name__
    try:
        hash(family)
    except TypeError as error:
        raise InvalidArgument(
            f"options of {kind} must be hashable, as tuples are and lists are not: {error}"
        ) from None
    require_kind(f"name of {kind}", read(family, "name"), str, 'a name such as "line-walk"')
    name = family.name
    as_flag(f"has_random_steps of {name}", read(family, "has_random_steps"))
    as_count(f"num_tasks of {name}", read(family, "num_tasks"), MAX_TASKS)
    as_count(f"task_size of {name}", read(family, "task_size"), INT32)
    sizes = read(family, "state_sizes")
    if not isinstance(sizes, tuple) or not sizes:
        raise InvalidArgument(
            f"state_sizes of {name} must be a tuple of the number of values of each component, "
            f"got {shown(sizes)}"
        )
    for size in sizes:
        as_count(f"state_sizes of {name}", size, INT32)
    check_schema(family)
    for flag in ("planner", "truncates"):
        as_flag(f"{flag} of {name}", read(family, flag))
    for chances in ("starts", "outcomes"):
        if read(family, chances) is not None:
            check_chances(f"{chances} of {name}", read(family, chances))
    for function in FUNCTIONS:
        check_function(name, function, read(family, function))


def check_schema(family: TaskFamily) -> None:
    """Raise `InvalidArgument` unless the schema is one of discrete observations, and agrees."""
    schema = read(family, "transition_schema")
    what = f"transition_schema of {family.name}"
    require_kind(what, schema, TransitionSchema, "a TransitionSchema")
    length = as_count(
        f"episode_length of {family.name}", read(family, "episode_length"), MAX_EPISODE_LENGTH
    )
    if schema.episode_length != length:
        raise InvalidArgument(
            f"{what} must have the family's episode_length {length}, got {schema.episode_length}"
        )
    schema.observation.compiled_sizes(family.name)


def check_function(name: str, function: str, value: Any) -> None:
    """Raise `InvalidArgument` unless `value` is a plain function."""
    if isinstance(value, Dispatcher):
        raise InvalidArgument(
            f"{function} of {name} must be marked @register_jitable, got one that is compiled with "
            "@njit: loops around it would be compiled anew in every process"
        )
    if not callable(value):
        raise InvalidArgument(
            f"{function} of {name} must be a property that returns a function, got {shown(value)}"
        )


def read(family: TaskFamily, member: str) -> Any:
    """A member of the family; a property's own failure becomes an `InvalidArgument`."""
    try:
        return getattr(family, member)
    except Exception as error:
        raise failure(f"{member} of {type(family).__name__}", error) from error


def check_tasks(family: TaskFamily, task_ids: np.ndarray) -> None:
    """Raise `InvalidArgument` unless what is said of each task is what it must be."""
    size = family.task_size
    check_of_tasks(family, "task_parameters", task_ids, np.dtype(np.int32), (size,))
    for task_id in task_ids.tolist():
        check_label(family, "task_label", task_id)
        check_map(family, task_id)
    for action in range(family.num_actions):
        check_label(family, "action_label", action)


def declared_optimum(family: TaskFamily, task_ids: np.ndarray) -> np.ndarray:
    """float64 `[N]`: the optimum of the tasks; raises `InvalidArgument` for what is none.

    Where the family leaves it to a search through `step`, that must be known to keep its schema.
    """
    optimum = check_of_tasks(family, "optimal_return", task_ids, np.dtype(np.float64), ())
    if not np.isfinite(optimum).all():
        task_id = task_ids[~np.isfinite(optimum)][0]
        raise InvalidArgument(f"optimal_return of {family.name} must be finite in task {task_id}")
    return optimum


def check_of_tasks(
    family: TaskFamily,
    member: str,
    task_ids: np.ndarray,
    dtype: np.dtype[Any],
    item: tuple[int, ...],
) -> np.ndarray:
    """The method's array for `task_ids`; raises `InvalidArgument` unless it keeps its rules."""
    what, shape = f"{member} of {family.name}", (len(task_ids), *item)
    method = getattr(family, member)
    values = attempt(what, method, task_ids)
    if not isinstance(values, np.ndarray) or values.dtype != dtype or values.shape != shape:
        got = (
            f"{values.dtype} of shape {values.shape}"
            if isinstance(values, np.ndarray)
            else (type(values).__name__)
        )
        raise InvalidArgument(f"{what} must be {dtype} of shape {shape}, got {got}")
    kept = values.copy()
    if values.flags.writeable:
        values[...] = 0
    if not np.array_equal(attempt(what, method, task_ids), kept, equal_nan=True):
        raise InvalidArgument(
            f"{what} must return the same values at every call, in an array of the caller's own"
        )
    alone = attempt(what, method, task_ids[-1:])
    if not np.array_equal(alone, kept[-1:], equal_nan=True):
        raise InvalidArgument(
            f"{what} must not depend on the other tasks asked for, but task {task_ids[-1]} alone "
            f"gets {shown(alone.tolist())}, among others {shown(kept[-1:].tolist())}"
        )
    for outside in (-1, family.num_tasks):
        try:
            method(np.array([outside]))
        except InvalidArgument:
            continue
        except Exception as error:
            raise failure(f"{what} for task id {outside}", error) from error
        raise InvalidArgument(
            f"{what} must refuse task id {outside}, of {family.num_tasks} tasks; "
            "begin it with self.check_task_ids(task_ids)"
        )
    return kept


def check_label(family: TaskFamily, member: str, number: int) -> None:
    """Raise `InvalidArgument` unless a label is text."""
    label = attempt(f"{member} of {family.name}", getattr(family, member), number)
    require_kind(f"{member}({number}) of {family.name}", label, str, "text")


def check_map(family: TaskFamily, task_id: int) -> None:
    """Raise `InvalidArgument` unless the plan of a task has room for what is seen and marked."""
    what = f"task_map of {family.name} in task {task_id}"
    plan = attempt(what, family.task_map, task_id)
    if plan is None:
        return
    require_kind(what, plan, TaskMap, "a TaskMap or None")
    bounds = (plan.rows, plan.columns, plan.rooms)
    sizes = family.observation_sizes
    if len(plan.components) not in ((3,) if plan.rooms > 1 else (2, 3)):
        raise InvalidArgument(
            f"{what}: components must name those of row and column, and of the room where there "
            f"are several, got {shown(plan.components)}"
        )
    finenesses = (plan.per_cell, plan.per_cell, 1)
    for component, bound, finer in zip(plan.components, bounds, finenesses, strict=False):
        if not 0 <= component < len(sizes) or sizes[component] > bound * finer:
            raise InvalidArgument(
                f"{what}: component {component} of observations of sizes {sizes} must be there and "
                f"have at most {bound * finer} values"
            )
    for mark in plan.landmarks:
        place = (mark.row, mark.column, mark.room)
        if not all(0 <= number < bound for number, bound in zip(place, bounds, strict=True)):
            raise InvalidArgument(
                f"{what}: landmark {shown(mark.name)} must lie in {plan.rooms} rooms of "
                f"{plan.rows} x {plan.columns}, got row {mark.row}, column {mark.column}, "
                f"room {mark.room}"
            )


def attempt(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` returns; its own failure becomes an `InvalidArgument`."""
    try:
        return function(*arguments)
    except Exception as error:
        raise failure(what, error) from error


def failure(what: str, error: Exception) -> InvalidArgument:
    """The `InvalidArgument` for what failed by itself."""
    return InvalidArgument(f"{what} failed with {type(error).__name__}: {shown(str(error))}")
