"""The compiled loop that writes whole learning histories, for any family and any algorithm.

One kernel runs a block of histories, one after the other, from reset to the last episode. Like the
loops of `simulators` it closes over pure functions (here of the family and of the algorithm) and
over a stamp of their sources, so that what is kept serves later processes and never a stale loop.

Legend: N histories of the block, P task parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from numba import uint32, uint64

from adfast.compiled_code import compiled
from adfast.random_draws import step_key
from adfast.simulators.components import column_reader, item_writer, mixed_radix
from adfast.simulators.step_loops import source_stamp
from adfast.tasks.family import TaskFamily, hash_of_sources
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED


class LearningRules(NamedTuple):
    """An algorithm as three pure scalar functions, marked `@register_jitable`.

    `memory` is float64 `[memory_size]`, the learner's own between its calls; `parameters` a tuple
    of floats; `seen` and `seen_next` number the observations.

    `begin(memory, parameters, task, same_task)` prepares a new history; `same_task` says that the
    memory was last used for the same task.
    `choose(memory, parameters, task, state, seen, episode_step, exploration, key) -> action`.
    `update(memory, parameters, seen, action, reward, seen_next, terminated)` learns from one step.
    """

    memory_size: int
    begin: Callable[..., Any]
    choose: Callable[..., Any]
    update: Callable[..., Any]


class HistoryLoop(NamedTuple):
    """The compiled loop of one family and algorithm, and the size of the memory it needs.

    `run(task int32 [P, N], keys uint32 [6, N], exploration float64 [episodes], parameters, memory,
    keep_every, *fields, lengths int64 [N], returns float64 [N, episodes])` fills the flat `fields`
    (in the schema's order), `lengths` and `returns`; `memory` is scratch. The keys are the offset
    and mask of the reset, step and behaviour streams. `keep_every` 0 writes no field.
    """

    run: Callable[..., None]
    memory_size: int


@cache
def compile_history_loop(
    family: TaskFamily, make_rules: Callable[[TaskFamily], LearningRules]
) -> HistoryLoop:
    """The loop of `family` and the algorithm; compiled, or loaded, when first called."""
    stamp = source_stamp(family) + hash_of_sources(make_rules.__module__)
    schema = family.transition_schema
    memory_size, begin, choose, update = make_rules(family)
    reset, step, observe = family.reset, family.step, family.observe
    episode_length = family.episode_length
    task_size = family.task_size
    num_components = len(schema.observation_sizes)
    read_task = column_reader(task_size)
    write_observation = item_writer(num_components)
    number_observation = mixed_radix(schema.observation_sizes)

    @compiled
    def run(
        tasks: Any,
        keys: Any,
        exploration: Any,
        parameters: Any,
        memory: Any,
        keep_every: Any,
        observation: Any,
        action: Any,
        reward: Any,
        next_observation: Any,
        boundary: Any,
        episode_step: Any,
        lengths: Any,
        returns: Any,
    ) -> None:
        _ = stamp
        num_histories, num_episodes = uint64(lengths.shape[0]), uint64(exploration.shape[0])
        components = uint64(num_components)
        last_step = uint64(episode_length - 1)
        for h in range(num_histories):
            task = read_task(tasks, h)
            same_task = h > uint64(0) and task == read_task(tasks, h - uint64(1))
            begin(memory, parameters, task, same_task)
            first_row = h * (uint64(action.shape[0]) // num_histories)
            row = first_row
            for episode in range(num_episodes):
                kept = keep_every > 0 and episode % uint64(keep_every) == uint64(0)
                key = step_key(keys[0, h], keys[1, h], episode)
                state = reset(task, key)
                now = observe(task, state)
                seen = number_observation(now)
                total = 0.0
                for t in range(uint64(episode_length)):
                    clock = uint32(episode * uint64(episode_length) + t)
                    key = step_key(keys[4, h], keys[5, h], clock)
                    chosen = choose(
                        memory, parameters, task, state, seen, t, exploration[episode], key
                    )
                    key = step_key(keys[2, h], keys[3, h], clock)
                    state, paid, terminated = step(task, state, chosen, key)
                    then = observe(task, state)
                    seen_next = number_observation(then)
                    update(memory, parameters, seen, chosen, paid, seen_next, terminated)
                    if kept:
                        write_observation(observation, row * components, now)
                        action[row] = chosen
                        reward[row] = paid
                        write_observation(next_observation, row * components, then)
                        boundary[row] = (
                            BOUNDARY_TERMINATED
                            if terminated
                            else (BOUNDARY_TRUNCATED if t == last_step else BOUNDARY_INSIDE)
                        )
                        episode_step[row] = t
                        row += uint64(1)
                    total += paid
                    if terminated:
                        break
                    now = then
                    seen = seen_next
                returns[h, episode] = total
            lengths[h] = row - first_row

    return HistoryLoop(run, memory_size)
