"""Whether `outcomes` and `starts` are what `step` and `reset` come to."""

from __future__ import annotations

from typing import Any

from adfast.errors import InvalidArgument, shown
from adfast.tasks.checked_calls import State, checked_reset, checked_step
from adfast.tasks.family import TaskFamily
from adfast.values import as_integer, as_number

UINT32 = 2**32 - 1
CHECKED_STEPS = 64  # of each task: as many calls as there are outcomes for each
MAX_CHECKED = 256  # of the outcomes of a call


def check_chances(what: str, chances: Any) -> None:
    """Raise `InvalidArgument` unless these are keys and their probabilities, which add up to 1."""
    rule = f"{what} must be a tuple of (key, probability), such as ((0, 1.0),)"
    if not isinstance(chances, tuple) or not chances:
        raise InvalidArgument(f"{rule}, got {shown(chances)}")
    total = 0.0
    for chance in chances:
        if not isinstance(chance, tuple) or len(chance) != 2:
            raise InvalidArgument(f"{rule}, got {shown(chance)}")
        as_integer(f"a key of {what}", chance[0], 0, UINT32)
        total += as_number(f"a probability of {what}", chance[1], 0, 1)
    if abs(total - 1) > 1e-9:
        raise InvalidArgument(f"probabilities of {what} must add up to 1, got {total:g}")


def check_outcome(
    family: TaskFamily, task_id: int, state: State, action: int, result: tuple[Any, ...]
) -> None:
    """Raise `InvalidArgument` where none of the family's `outcomes` is this result of `step`."""
    outcomes = family.outcomes
    if outcomes is None or len(outcomes) > MAX_CHECKED:
        return
    if all(checked_step(family, task_id, state, action, key) != result for key, _ in outcomes):
        raise InvalidArgument(
            f"outcomes of {family.name} must have a key for all that step can do, but in task "
            f"{task_id}, state {state}, action {action} none of them gives {result}"
        )


def check_start(family: TaskFamily, task_id: int, state: State) -> None:
    """Raise `InvalidArgument` where none of the family's `starts` gives this first state."""
    starts = family.starts
    if starts is None or len(starts) > MAX_CHECKED:
        return
    if all(checked_reset(family, task_id, 0, key) != state for key, _ in starts):
        raise InvalidArgument(
            f"starts of {family.name} must have a key for every state that begins an episode, but "
            f"in task {task_id} none of them gives {state}; adfast.tasks.compiled.outcomes has "
            "equally_likely, which finds keys"
        )
