"""What every action is worth, and the optimum of an episode: backward induction over all states.

Both are compiled around the family's own `step`, so the expert, the optimum of a family that has no
formula for it, and the check of one that has, are written once. What chance can do is what the
family says of the keys: `outcomes` of `step`, `starts` of `reset`.

Legend: N tasks, S states, T steps of an episode, P task parameters, K keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import uint8, uint32, uint64
from numba.core.errors import NumbaError
from numba.extending import register_jitable

from adfast.errors import InvalidArgument
from adfast.machine.compiled_code import compiled
from adfast.tasks.checked_calls import uncompilable
from adfast.tasks.compiled.components import column_reader, mixed_radix, mixed_radix_inverse
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.schema_guards import dtype_guard, tuple_guard

if TYPE_CHECKING:
    from adfast.tasks.compiled.outcomes import Outcomes
    from adfast.tasks.family import TaskFamily

MAX_STATES = 2**22  # beyond, a task takes minutes


def action_value(family: TaskFamily) -> Callable[..., Any]:
    """The function `(values, first, task, state, action) -> float64`: what an action is worth.

    `values[first + s]` is what state s is worth after it. A step out of the schema is worth
    infinity: who can come to one does so, and whoever plays it refuses it.
    """
    if family.expected_step is not None:
        return value_by_expected_step(family)
    outcomes = finite_outcomes(family)
    keys = np.array([key for key, _ in outcomes], np.uint32)
    probabilities = np.array([probability for _, probability in outcomes])
    _, step, _ = family_functions(family)
    is_no_state = tuple_guard(family.state_sizes)
    is_no_reward, narrow_reward = dtype_guard(family.transition_schema.reward_dtype)
    number_state = mixed_radix(family.state_sizes)

    @register_jitable
    def value_by(values: Any, first: Any, task: Any, state: Any, action: Any, key: Any) -> Any:
        state_next, reward, terminated = step(task, state, uint8(action), key)
        if is_no_state(state_next) | is_no_reward(reward):
            return np.inf
        future = values[first + number_state(state_next)]
        return narrow_reward(reward) + (0.0 if terminated else future)

    if len(outcomes) == 1:

        @register_jitable
        def value(values: Any, first: Any, task: Any, state: Any, action: Any) -> Any:
            return value_by(values, first, task, state, action, uint32(keys[0]))

    else:

        @register_jitable
        def value(values: Any, first: Any, task: Any, state: Any, action: Any) -> Any:
            expected = 0.0
            for k in range(keys.shape[0]):
                then = value_by(values, first, task, state, action, uint32(keys[k]))
                expected += probabilities[k] * then
            return expected

    return value


def value_by_expected_step(family: TaskFamily) -> Callable[..., Any]:
    """`action_value` of a family of which chance decides no more than the reward."""
    expected_step = family.expected_step
    assert expected_step is not None, "as was seen"
    is_no_state = tuple_guard(family.state_sizes)
    number_state = mixed_radix(family.state_sizes)

    @register_jitable
    def value(values: Any, first: Any, task: Any, state: Any, action: Any) -> Any:
        state_next, reward, terminated = expected_step(task, state, uint8(action))
        if is_no_state(state_next):
            return np.inf
        future = values[first + number_state(state_next)]
        return reward + (0.0 if terminated else future)

    return value


def finite_outcomes(family: TaskFamily) -> Outcomes:
    """The family's `outcomes`; raises `InvalidArgument` where chance has no finite ones."""
    if family.outcomes is None:
        raise InvalidArgument(
            f"a plan needs a family that says what its random steps can come to, got "
            f"{family.name}, whose outcomes are None; use a learning algorithm such as q-learning"
        )
    return family.outcomes


def finite_starts(family: TaskFamily) -> Outcomes:
    """The family's `starts`; raises `InvalidArgument` where nobody has counted them."""
    if family.starts is None:
        raise InvalidArgument(
            f"an optimum is searched for from the starts of all episodes, but those of "
            f"{family.name} are None; say in optimal_return what it is, or count the starts"
        )
    return family.starts


def planned_returns(family: TaskFamily, task_ids: Any) -> np.ndarray:
    """float64 `[N]`: the greatest expected return of a history's first episode in each task.

    Takes N x T x S x actions x outcomes calls of `step`, tens of millions a second, fewer where
    values no longer change with the steps left. Raises `InvalidArgument` for a family without
    finite outcomes, of too many states, or that leaves its schema.
    """
    if family.expected_step is None:
        finite_outcomes(family)
    keys, probabilities = zip(*finite_starts(family), strict=True)
    num_states = math.prod(family.state_sizes)
    if num_states > MAX_STATES:
        raise InvalidArgument(
            f"a plan holds a value for each state, at most {MAX_STATES:,}, but {family.name} of "
            f"these options has {num_states:,} states; make the family smaller"
        )
    ids, places = np.unique(family.check_task_ids(task_ids), return_inverse=True)
    returns = np.empty(len(ids))
    try:
        compile_plan(family)(
            np.ascontiguousarray(family.task_parameters(ids).T),
            np.array(keys, np.uint32),
            np.array(probabilities, np.float64),
            np.empty(2 * num_states),
            returns,
        )
    except NumbaError as error:
        raise uncompilable(family, error) from error
    if not np.isfinite(returns).all():
        task_id = ids[~np.isfinite(returns)][0]
        raise InvalidArgument(
            f"{family.name} leaves its schema in task {task_id}; check_family says where"
        )
    return returns[places]


@cache
def compile_plan(family: TaskFamily) -> Callable[..., None]:
    """The loop `(task [P, N], keys uint32 [K], probabilities [K], values [2 * S], returns [N])`.

    Keys and probabilities are those of `starts`; `values` is scratch.
    """
    stamp = family.source_hash
    num_states, num_actions = math.prod(family.state_sizes), family.num_actions
    episode_length = family.episode_length
    reset, _, _ = family_functions(family)
    read_task = column_reader(family.task_size)
    is_no_state = tuple_guard(family.state_sizes)
    number_state = mixed_radix(family.state_sizes)
    state_of = mixed_radix_inverse(family.state_sizes)
    value = action_value(family)

    @register_jitable
    def step_back(values: Any, after: Any, before: Any, task: Any) -> Any:
        """Whether any value before a step differs from that after it."""
        differs = False
        for s in range(uint64(num_states)):
            best = -np.inf
            for a in range(uint64(num_actions)):
                best = max(best, value(values, after, task, state_of(s), a))
            values[before + s] = best
            differs |= best != values[after + s]
        return differs

    @compiled
    def plan(task: Any, keys: Any, probabilities: Any, values: Any, returns: Any) -> None:
        _ = stamp
        for n in range(uint64(returns.shape[0])):
            values[:] = 0.0
            now, then = uint64(0), uint64(num_states)
            for _step in range(episode_length):
                now, then = then, now
                if not step_back(values, then, now, read_task(task, n)):
                    break
            total = 0.0
            for k in range(keys.shape[0]):
                start = reset(read_task(task, n), uint32(0), keys[k])
                worth = np.inf if is_no_state(start) else values[now + number_state(start)]
                total += probabilities[k] * worth
            returns[n] = total

    return plan
