"""A family's functions, padded to the task, state and actions of a mixture, and their dispatch.

All members' functions are called and one result is taken: without a branch, loops over environments
of different kinds vectorise. So a member must get what it can take also where the task is not its
own: then it is called with its own first task and a state of zeros. What leaves a member's schema
leaves that of the mixture, whose loops refuse it.

Every function is inlined wherever it is called. Left to the compiler, those of large mixtures would
be calls, and five times as slow.

Legend: the first parameter of a task is its kind, those of the member follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import int32, uint8
from numba.extending import register_jitable

from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.schema_guards import tuple_guard

if TYPE_CHECKING:
    from adfast.tasks.family import TaskFamily

inlined = register_jitable(forceinline=True)


class PaddedFunctions(NamedTuple):
    """Pure functions over a mixture's task and a state of as many components as its largest member.

    `reset(task, episode, key) -> state`; `step(task, state, action, key) -> (state, reward, ended,
    limit)`, where `limit` is the episode length of the task; `observe(task, state) -> number`.
    """

    reset: Callable[..., Any]
    step: Callable[..., Any]
    observe: Callable[..., Any]


def padded_functions(family: TaskFamily, kind: int, state_size: int) -> PaddedFunctions:
    """The functions of the member `family`, whose tasks are of `kind`."""
    count, num_actions = family.state_size, family.num_actions
    limit, truncates = family.episode_length, family.truncates
    reset_member, step_member, observe_member = family_functions(family)
    first_task = tuple(family.task_parameters(np.zeros(1, np.int64))[0])
    task_of = own_or(slice_of(1, family.task_size), first_task)
    state_of = own_or(slice_of(0, count), (np.int32(0),) * count)
    select_state, pad = selector(count), padder(family.state_sizes, state_size)
    number = numbering(family.observation_sizes)

    @inlined
    def reset(task: Any, episode: Any, key: Any) -> Any:
        return pad(reset_member(task_of(task[0] == kind, task), episode, key))

    @inlined
    def ends(ended: Any) -> Any:
        return int32(ended) if truncates else int32(ended != 0)

    @inlined
    def step(task: Any, state: Any, action: Any, key: Any) -> Any:
        is_own, acts = task[0] == kind, action < num_actions
        now = state_of(is_own, state)
        chosen = uint8(min(uint8(action), uint8(num_actions - 1)))
        after, reward, ended = step_member(task_of(is_own, task), now, chosen, key)
        paid = reward if acts else int32(0)
        after = select_state(acts, after, now)
        return pad(after), paid, ends(ended) if acts else int32(0), int32(limit)

    @inlined
    def observe(task: Any, state: Any) -> Any:
        is_own = task[0] == kind
        return number(observe_member(task_of(is_own, task), state_of(is_own, state)))

    return PaddedFunctions(reset, step, observe)


def dispatched(
    members: Sequence[PaddedFunctions], kinds: Sequence[int], state_size: int
) -> PaddedFunctions:
    """The functions of whichever of the `members` is of a task's kind; `kinds` ascend."""
    if len(members) == 1:
        return members[0]
    middle = len(members) // 2
    below = dispatched(members[:middle], kinds[:middle], state_size)
    above = dispatched(members[middle:], kinds[middle:], state_size)
    reset_below, step_below, observe_below = below
    reset_above, step_above, observe_above = above
    bound, select = kinds[middle], selector(state_size)

    @inlined
    def reset(task: Any, episode: Any, key: Any) -> Any:
        low, high = reset_below(task, episode, key), reset_above(task, episode, key)
        return select(task[0] < bound, low, high)

    @inlined
    def step(task: Any, state: Any, action: Any, key: Any) -> Any:
        is_low = task[0] < bound
        after, reward, ended, limit = step_below(task, state, action, key)
        other, other_reward, other_ended, other_limit = step_above(task, state, action, key)
        paid = reward if is_low else other_reward
        how = ended if is_low else other_ended
        return select(is_low, after, other), paid, how, limit if is_low else other_limit

    @inlined
    def observe(task: Any, state: Any) -> Any:
        low, high = observe_below(task, state), observe_above(task, state)
        return low if task[0] < bound else high

    return PaddedFunctions(reset, step, observe)


def slice_of(first: int, count: int) -> Callable[..., Any]:
    """The function `values -> values[first : first + count]`."""
    end = first + count

    @inlined
    def take(values: Any) -> Any:
        return values[first:end]

    return take


def own_or(own: Callable[..., Any], other: tuple[np.int32, ...]) -> Callable[..., Any]:
    """The function `(is_own, values) -> own(values) or other`, int32, without a branch."""
    select = selector(len(other))

    @inlined
    def choose(is_own: Any, values: Any) -> Any:
        return select(is_own, own(values), other)

    return choose


def selector(count: int) -> Callable[..., Any]:
    """The function `(condition, yes, no) -> tuple`, without a branch; values keep their kind."""
    last = count - 1
    if count == 1:

        @inlined
        def select(condition: Any, yes: Any, no: Any) -> Any:
            return (yes[0] if condition else no[0],)

        return select

    select_before = selector(count - 1)

    @inlined
    def select_all(condition: Any, yes: Any, no: Any) -> Any:
        value = yes[last] if condition else no[last]
        return (*select_before(condition, yes, no), value)

    return select_all


def padder(sizes: tuple[int, ...], total: int) -> Callable[..., Any]:
    """The function `values -> values and zeros`, `total`; all -1 unless each is below its size."""
    count, is_no_state, select = len(sizes), tuple_guard(sizes), selector(total)
    zeros, broken = (np.int32(0),) * total, (np.int32(-1),) * total

    @inlined
    def pad(values: Any) -> Any:
        padded = (*values[:count], *zeros[count:])
        return select(is_no_state(values) != 0, broken, padded)

    return pad


def numbering(sizes: tuple[int, ...]) -> Callable[..., Any]:
    """The function `values -> number` of the tuples below `sizes`, the last fastest; else -1."""
    is_no_observation, total = tuple_guard(sizes), summed(sizes)

    @inlined
    def number(values: Any) -> Any:
        return int32(-1) if is_no_observation(values) else total(values)

    return number


def summed(sizes: tuple[int, ...]) -> Callable[..., Any]:
    """The function `values -> number` of tuples that are below `sizes`."""
    last, size = len(sizes) - 1, sizes[-1]
    if last == 0:

        @inlined
        def number(values: Any) -> Any:
            return int32(values[0])

        return number

    number_before = summed(sizes[:-1])

    @inlined
    def number_all(values: Any) -> Any:
        return int32(int32(number_before(values) * int32(size)) + int32(values[last]))

    return number_all
