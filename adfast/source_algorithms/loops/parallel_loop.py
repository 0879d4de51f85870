"""The compiled loop of learners with parallel actors: time outside, actors inside, tables shared.

The histories of a block come in groups of `actors`, one learner each; a history is what one actor
did. At each moment every actor takes one step, in the order of the group, and the learner's rules
see all of them: what actor 0 taught is in the tables when actor 1 acts. Each actor has its own
environment, episodes and random stream, and stops behind its last episode.

What the loop closes over, and what ends it early, is said in `history_loop`.

Legend: N histories of the block, P task parameters, S state components.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import int64, uint8, uint32, uint64

from adfast.machine.compiled_code import compiled
from adfast.random_draws import step_key
from adfast.simulators.episode_ends import episode_ends
from adfast.simulators.step_loops import BROKEN_BY_RESET, BROKEN_BY_STEP, KEPT_SCHEMA
from adfast.source_algorithms.loops.history_loop import (
    BROKEN_BY_CELL,
    BROKEN_BY_CHOOSE,
    BROKEN_BY_OBSERVE,
    HistoryLoop,
    MakeRules,
    Reads,
    call_noter,
    loop_stamp,
    numbering,
    row_writer,
)
from adfast.tasks.compiled.components import column_reader, column_writer, int32_tuple
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.schema_guards import dtype_guard, is_outside, tuple_guard
from adfast.tasks.family import TaskFamily


@cache
def compile_parallel_loop(family: TaskFamily, make_rules: MakeRules, reads: Reads) -> HistoryLoop:
    """The loop of `family` and the algorithm; compiled, or loaded, when first called.

    Its `run` takes the number of actors before the other arguments. `memory` has the `memory_size`
    of the rules, and behind that an equal share for each actor; `choose` and `update` are told
    behind `parameters` where the actor's own share begins, and `update` how the step ended
    (BOUNDARY_...) in place of whether the task did.
    """
    stamp = loop_stamp(family, make_rules)
    num_inputs, number = numbering(family, reads)
    memory_size, begin, choose, update = make_rules(family, num_inputs)[:4]
    reset, step, observe = family_functions(family)
    _, boundary_of, _, _ = episode_ends(family)
    episode_length, num_actions = family.episode_length, family.num_actions
    read_task, as_state = column_reader(family.task_size), int32_tuple(family.state_size)
    read_state, write_state = column_reader(family.state_size), column_writer(family.state_size)
    note = call_noter(family.state_size)
    write_row = row_writer(len(family.observation_sizes))
    is_no_state = tuple_guard(family.state_sizes)
    is_no_observation = tuple_guard(family.observation_sizes)
    is_no_reward, narrow_reward = dtype_guard(family.transition_schema.reward_dtype)
    state_size = family.state_size
    reads_cells = reads == "cell"

    @compiled
    def run(
        actors: Any,
        tasks: Any,
        keys: Any,
        exploration: Any,
        parameters: Any,
        memory: Any,
        keep_every: Any,
        fields: Any,
        lengths: Any,
        returns: Any,
        last_call: Any,
    ) -> Any:
        _ = stamp
        num_histories, num_episodes = uint64(lengths.shape[0]), uint64(exploration.shape[0])
        num_actors = uint64(actors)
        own_size = (uint64(memory.shape[0]) - uint64(memory_size)) // num_actors
        rows = uint64(fields[1].shape[0]) // max(num_histories, uint64(1))
        states = np.empty((state_size, actors), np.int32)
        episodes, steps = np.empty(actors, np.uint64), np.empty(actors, np.uint64)
        for learner in range(num_histories // num_actors):
            first = learner * num_actors
            task = read_task(tasks, first)
            same_task = first > uint64(0) and task == read_task(tasks, first - uint64(1))
            begin(memory, parameters, task, same_task)
            for actor in range(num_actors):
                h = first + actor
                key = step_key(keys[0, h], keys[1, h], 0)
                start = reset(task, uint32(0), key)
                if is_no_state(start):
                    return note(last_call, BROKEN_BY_RESET, h, key, int64(0), as_state(start))
                write_state(states, actor, as_state(start))
                episodes[actor], steps[actor] = uint64(0), uint64(0)
                lengths[h], returns[h, 0] = 0, 0.0
            left = num_actors
            while left > uint64(0):
                for actor in range(num_actors):
                    episode, t, h = episodes[actor], steps[actor], first + actor
                    if episode == num_episodes:
                        continue
                    state = read_state(states, actor)
                    now = observe(task, state)
                    if is_no_observation(now):
                        return note(last_call, BROKEN_BY_OBSERVE, h, 0, 0, state)
                    seen = number(task, state, now)
                    if reads_cells and seen >= uint64(num_inputs):
                        return note(last_call, BROKEN_BY_CELL, h, 0, 0, state)
                    clock = uint32(episode * uint64(episode_length) + t)
                    key = step_key(keys[4, h], keys[5, h], clock)
                    own = uint64(memory_size) + actor * own_size
                    epsilon = exploration[episode]
                    chosen = choose(memory, parameters, own, task, state, seen, t, epsilon, key)
                    if is_outside(chosen, 0, num_actions - 1):
                        return note(last_call, BROKEN_BY_CHOOSE, h, key, int64(chosen), state)
                    key = step_key(keys[2, h], keys[3, h], clock)
                    after, paid, ended = step(task, state, uint8(chosen), key)
                    if is_no_state(after) | is_no_reward(paid):
                        return note(last_call, BROKEN_BY_STEP, h, key, int64(chosen), state)
                    state = as_state(after)
                    earned = narrow_reward(paid)
                    then = observe(task, state)
                    if is_no_observation(then):
                        return note(last_call, BROKEN_BY_OBSERVE, h, key, int64(chosen), state)
                    is_last = t == uint64(episode_length - 1)
                    end = boundary_of(ended, is_last)
                    seen_next = number(task, state, then)
                    if reads_cells and seen_next >= uint64(num_inputs):
                        return note(last_call, BROKEN_BY_CELL, h, key, int64(chosen), state)
                    update(memory, parameters, own, seen, chosen, earned, seen_next, end)
                    if keep_every > 0 and episode % uint64(keep_every) == uint64(0):
                        row = h * rows + uint64(lengths[h])
                        write_row(fields, row, now, chosen, earned, then, end, t)
                        lengths[h] += 1
                    returns[h, episode] += earned
                    if ended or is_last:
                        episode, t = episode + uint64(1), uint64(0)
                        episodes[actor], steps[actor] = episode, t
                        if episode == num_episodes:
                            left -= uint64(1)
                            continue
                        returns[h, episode] = 0.0
                        key = step_key(keys[0, h], keys[1, h], episode)
                        start = reset(task, uint32(episode), key)
                        state = as_state(start)
                        if is_no_state(start):
                            return note(last_call, BROKEN_BY_RESET, h, key, int64(episode), state)
                    else:
                        steps[actor] = t + uint64(1)
                    write_state(states, actor, state)
        return KEPT_SCHEMA

    run_of: Callable[..., int] = run
    return HistoryLoop(run_of, memory_size, False)
