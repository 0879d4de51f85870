"""What who knows the task would do, of all tasks of a family, and what would be seen there.

Legend: K tasks, T steps of an episode, S states, A actions, N histories, M of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import uint32, uint64

from adfast.baselines.agents.rule_loops import start_explainer
from adfast.errors import InvalidArgument, byte_size
from adfast.machine.compiled_code import compiled
from adfast.source_algorithms.informed import expert, posterior_sampling
from adfast.source_algorithms.informed.expert import plan_of
from adfast.source_algorithms.informed.posterior_sampling import check_enumerable, stepping
from adfast.source_algorithms.loops import greedy_choice
from adfast.source_algorithms.loops.greedy_choice import greedy_chances
from adfast.tasks.compiled.components import column_reader, mixed_radix_inverse
from adfast.tasks.family import TaskFamily, hash_of_sources

MAX_BYTES = 2**28  # of the actions of all plans


@dataclass(frozen=True)
class TaskPlans:
    """`chances` float32 `[K, T, S, A]` of the plans for all tasks, and two compiled loops.

    They go along in all tasks with M of N histories, `rows` int64 `[M]`; `state` int64 `[N, K]` is
    where these would be, and `likelihood` float64 `[N, K]` how probable all that was seen would be.
    `begin(rows, task int32 [P, K], episode, seen, state, likelihood)` and
    `step(rows, task, listed, count, action, reward, seen_next, terminated, state, likelihood,
    fits bool [M, K])`, which goes along in the tasks `listed` int64 `[N, K]` alone, the first
    `count` `[N]` of each history, and takes the others for impossible. It also tells where the last
    transition could be, and returns a row in which no task is left, or -1.
    """

    tasks: np.ndarray
    chances: np.ndarray
    begin: Callable[..., None]
    step: Callable[..., int]


@lru_cache(8)
def plans_of(family: TaskFamily) -> TaskPlans:
    """Those of `family`; raises `InvalidArgument` where there are too many or none."""
    check_enumerable(family)
    num_states = math.prod(family.state_sizes)
    shape = (family.num_tasks, family.episode_length, num_states, family.num_actions)
    if (size := 4 * math.prod(shape)) > MAX_BYTES:
        raise InvalidArgument(
            f"the plans for all {family.num_tasks:,} tasks of {family.name} take "
            f"{byte_size(size)}, more than {byte_size(MAX_BYTES)}; make the family smaller"
        )
    tasks = np.ascontiguousarray(family.task_parameters(np.arange(family.num_tasks)).T)
    chances = np.zeros(shape, np.float32)
    tabulate, begin, step = compile_loops(family)
    tabulate(tasks, np.zeros(family.num_planned_values), np.zeros(family.num_actions), chances)
    return TaskPlans(tasks, chances, begin, step)


def compile_loops(family: TaskFamily) -> tuple[Callable[..., Any], ...]:
    """The loop that fills the table of the plans, and `TaskPlans.begin` and `step`."""
    stamp = family.source_hash + hash_of_sources(
        __name__, expert.__name__, greedy_choice.__name__, posterior_sampling.__name__
    )
    read_task = column_reader(family.task_size)
    state_of = mixed_radix_inverse(family.state_sizes)
    plan, value, best_value = plan_of(family)
    chances_of = greedy_chances(family.num_actions, value, best_value)
    start_in, step_in = stepping(family)
    explain_start: Any = start_explainer(family)
    num_states = math.prod(family.state_sizes)
    num_actions = family.num_actions

    @compiled
    def tabulate(tasks: Any, memory: Any, found: Any, chances: Any) -> None:
        _ = stamp
        for k in range(uint64(chances.shape[0])):
            task = read_task(tasks, k)
            plan(memory, task)
            for t in range(uint64(chances.shape[1])):
                for s in range(uint64(num_states)):
                    chances_of(memory, (0.0,), task, state_of(s), s, t, 0.0, found)
                    for a in range(uint64(num_actions)):
                        chances[k, t, s, a] = found[a]

    @compiled
    def begin(rows: Any, tasks: Any, episode: Any, seen: Any, state: Any, likelihood: Any) -> None:
        _ = stamp
        for place in range(uint64(rows.shape[0])):
            row, number, at = rows[place], uint32(episode[place]), uint64(seen[place])
            key = explain_start(uint32(0), number, at)
            for k in range(uint64(state.shape[1])):
                fits, begun = start_in(read_task(tasks, k), number, key, at)
                state[row, k] = begun
                likelihood[row, k] *= 1.0 if fits else 0.0

    @compiled
    def step(
        rows: Any,
        tasks: Any,
        listed: Any,
        count: Any,
        action: Any,
        reward: Any,
        seen_next: Any,
        terminated: Any,
        state: Any,
        likelihood: Any,
        fits: Any,
    ) -> int:
        _ = stamp
        nowhere = -1
        for place in range(uint64(rows.shape[0])):
            row, then = rows[place], uint64(seen_next[place])
            chosen, paid, ended = uint64(action[place]), reward[place], terminated[place]
            greatest = 0.0
            for number in range(uint64(count[row])):
                k = uint64(listed[row, number])
                task, at = read_task(tasks, k), uint64(state[row, k])
                chance, after = step_in(task, at, chosen, paid, then, ended)
                state[row, k] = after
                fits[place, k] = chance != 0.0
                likelihood[row, k] *= max(chance, 0.0)
                greatest = max(greatest, likelihood[row, k])
            if greatest > 0.0:
                for number in range(uint64(count[row])):
                    likelihood[row, listed[row, number]] /= greatest  # else they would vanish
            elif nowhere < 0:
                nowhere = row
        return nowhere

    return tabulate, begin, step
