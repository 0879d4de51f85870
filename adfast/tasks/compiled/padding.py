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


def padded_functions(
    family: TaskFamily, kind: int, state_size: int, num_actions: int
) -> PaddedFunctions:
    """The functions of the member `family`, whose tasks are of `kind`; of all, `num_actions`."""
    count, own_actions = family.state_size, family.num_actions
    limit, truncates = family.episode_length, family.truncates
    reset_member, step_member, observe_member = family_functions(family)
    first_task = tuple(family.task_parameters(np.zeros(1, np.int64))[0])
    is_of_kind = equality_with(kind)
    task_of = own_or(slice_of(1, family.task_size), first_task)
    state_of = own_or(slice_of(0, count), (np.int32(0),) * count)
    select, pad = selector(state_size), padder(count, state_size)
    guarded = guard(family.state_sizes)
    number = numbering(family.observation_sizes)

    @inlined
    def act(task: Any, state: Any, action: Any, key: Any) -> Any:
        after, reward, ended = step_member(task, state, action, key)
        return pad(guarded(after)), reward, int32(ended) if truncates else int32(ended != 0)

    @inlined
    def act_or_not(task: Any, state: Any, action: Any, key: Any) -> Any:
        acts = action < own_actions
        chosen = uint8(min(uint8(action), uint8(own_actions - 1)))
        after, reward, ended = act(task, state, chosen, key)
        paid = reward if acts else int32(0)
        return select(acts, after, pad(state)), paid, ended if acts else int32(0)

    take = act if own_actions == num_actions else act_or_not

    @inlined
    def reset(task: Any, episode: Any, key: Any) -> Any:
        return pad(guarded(reset_member(task_of(is_of_kind(task), task), episode, key)))

    @inlined
    def step(task: Any, state: Any, action: Any, key: Any) -> Any:
        is_own = is_of_kind(task)
        own_task, own_state = task_of(is_own, task), state_of(is_own, state)
        after, reward, ended = take(own_task, own_state, action, key)
        return after, reward, ended, int32(limit)

    @inlined
    def observe(task: Any, state: Any) -> Any:
        is_own = is_of_kind(task)
        return number(observe_member(task_of(is_own, task), state_of(is_own, state)))

    return PaddedFunctions(reset, step, observe)


def dispatched(
    members: Sequence[PaddedFunctions], kinds: Sequence[int], state_size: int
) -> PaddedFunctions:
    """The functions of whichever of the `members` is of a task's kind; `kinds` ascend."""
    if len(members) == 1:
        return members[0]
    reset_before, step_before, observe_before = dispatched(members[:-1], kinds[:-1], state_size)
    reset_last, step_last, observe_last = members[-1]
    is_of_last, select = equality_with(kinds[-1]), selector(state_size)

    @inlined
    def reset(task: Any, episode: Any, key: Any) -> Any:
        last, start = reset_last(task, episode, key), reset_before(task, episode, key)
        return select(is_of_last(task), last, start)

    @inlined
    def step(task: Any, state: Any, action: Any, key: Any) -> Any:
        is_last = is_of_last(task)
        after, reward, ended, limit = step_before(task, state, action, key)
        last, last_reward, last_ended, last_limit = step_last(task, state, action, key)
        paid = last_reward if is_last else reward
        how = last_ended if is_last else ended
        return select(is_last, last, after), paid, how, last_limit if is_last else limit

    @inlined
    def observe(task: Any, state: Any) -> Any:
        last, number = observe_last(task, state), observe_before(task, state)
        return last if is_of_last(task) else number

    return PaddedFunctions(reset, step, observe)


def equality_with(kind: int) -> Callable[..., Any]:
    """The function `task -> is_of_kind`.

    The same question wherever a kind is asked for: so the compiler sees that what is selected for a
    member is what was selected from it. Kind 0 is told by an order, since from equalities with 0, 1
    and 2 the compiler makes a subtraction that reports its overflow, with which no loop vectorises.
    """
    if kind == 0:

        @inlined
        def is_of_first(task: Any) -> Any:
            return task[0] <= 0

        return is_of_first

    @inlined
    def is_of_kind(task: Any) -> Any:
        return task[0] == kind

    return is_of_kind


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


def guard(sizes: tuple[int, ...]) -> Callable[..., Any]:
    """The function `values -> values`, of which the first is -1 unless each is below its size."""
    is_no_state = tuple_guard(sizes)

    @inlined
    def mark(values: Any) -> Any:
        return (int32(-1) if is_no_state(values) else values[0], *values[1:])

    return mark


def padder(count: int, total: int) -> Callable[..., Any]:
    """The function `values -> values and zeros`, `total`."""
    zeros = (np.int32(0),) * (total - count)

    @inlined
    def pad(values: Any) -> Any:
        return (*values[:count], *zeros)

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
