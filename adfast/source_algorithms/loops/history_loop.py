"""The compiled loop that writes whole learning histories, for any family and any algorithm.

One kernel runs a block of histories, one after the other, from reset to the last episode. Like the
loops of `simulators` it closes over pure functions (here of the family and of the algorithm) and
over a stamp of their sources, so that what is kept serves later processes and never a stale loop.

A family's or an algorithm's value that its schema cannot hold ends the loop: it is neither kept nor
used as an index.

Legend: N histories of the block, P task parameters, S state components.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

from numba import int64, uint8, uint32, uint64
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled
from adfast.random_draws import step_key
from adfast.simulators.episode_ends import episode_ends
from adfast.simulators.step_loops import (
    BROKEN_BY_RESET,
    BROKEN_BY_STEP,
    KEPT_SCHEMA,
    source_stamp,
)
from adfast.source_algorithms.loops import greedy_choice, softmax_choice
from adfast.tasks.compiled.components import column_reader, int32_tuple, item_writer, mixed_radix
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.schema_guards import dtype_guard, is_outside, tuple_guard
from adfast.tasks.family import TaskFamily, hash_of_sources

BROKEN_BY_OBSERVE, BROKEN_BY_CHOOSE, BROKEN_BY_LABEL, BROKEN_BY_CELL = range(
    BROKEN_BY_STEP + 1, BROKEN_BY_STEP + 5
)

Reads = Literal["observation", "state", "cell"]  # what a learner tells apart
MakeRules = Callable[[TaskFamily, int], "LearningRules"]


@register_jitable
def learn_nothing(
    memory: Any,
    parameters: Any,
    seen: Any,
    action: Any,
    reward: Any,
    seen_next: Any,
    terminated: Any,
) -> None:
    """The rule `update` of who knows all from the beginning."""


class LearningRules(NamedTuple):
    """An algorithm as three pure scalar functions, marked `@register_jitable`.

    `memory` is float64 `[memory_size]`, the learner's own between its calls; `parameters` a tuple
    of floats; `seen` and `seen_next` number what the learner reads: observations, states or cells.

    `begin(memory, parameters, task, same_task)` prepares a new history; `same_task` says that the
    memory was last used for the same task.
    `choose(memory, parameters, task, state, seen, episode_step, exploration, key) -> action`.
    `update(memory, parameters, seen, action, reward, seen_next, terminated)` learns from one step.
    `label(memory, parameters, task, state, seen, episode_step, key) -> action` is called after
    `choose`, with the same key, where histories are labelled: what the learner held right there.
    `begin_episode(memory, parameters, episode, key, seen)` is told the arguments of `reset` but for
    the task, and what is seen first.
    `chances(memory, parameters, task, state, seen, episode_step, exploration, out)` writes to `out`
    float64 `[actions]` how probable each action was in `choose`, which it follows.
    """

    memory_size: int
    begin: Callable[..., Any]
    choose: Callable[..., Any]
    update: Callable[..., Any] = learn_nothing
    label: Callable[..., Any] | None = None
    begin_episode: Callable[..., Any] | None = None
    chances: Callable[..., Any] | None = None


class HistoryLoop(NamedTuple):
    """The compiled loop of one family and algorithm, and the size of the memory it needs.

    `run(task int32 [P, N], keys uint32 [6, N], exploration float64 [episodes], parameters, memory,
    keep_every, fields, lengths int64 [N], returns float64 [N, episodes], last_call int64 [3 + S])`
    fills the flat `fields` (in the order of the schema, which is `labelled` or not), `lengths` and
    `returns`; `memory` is scratch. The keys are the offset and mask of the reset, step and
    behaviour streams. `keep_every` 0 writes no field.

    Returns which function left the schema; where one did, `last_call` says what it was called with:
    the history, the key, the action (of `reset` the episode), and the state.
    """

    run: Callable[..., int]
    memory_size: int
    has_labels: bool  # whether the rules say which action is right


def numbering(family: TaskFamily, reads: Reads) -> tuple[int, Callable[..., Any]]:
    """How many numbers there are, and the function `(task, state, observation) -> seen`."""
    if reads == "cell":
        return math.prod(family.cell_sizes), number_of_cell(family)
    sizes = family.state_sizes if reads == "state" else family.observation_sizes
    return math.prod(sizes), number_of(sizes, reads)


@cache
def number_of_cell(family: TaskFamily) -> Callable[..., Any]:
    """The function `(task, state, observation) -> seen` of a family's cells."""
    cell, number = family.cell, mixed_radix(family.cell_sizes)

    @register_jitable
    def number_cell(task: Any, state: Any, observation: Any) -> Any:
        return number(cell(task, state))

    return number_cell


@cache
def number_of(sizes: tuple[int, ...], reads: Reads) -> Callable[..., Any]:
    """The function `(task, state, observation) -> seen` of what has these sizes."""
    number = mixed_radix(sizes)
    if reads == "state":

        @register_jitable
        def number_state(task: Any, state: Any, observation: Any) -> Any:
            return number(state)

        return number_state

    @register_jitable
    def number_seen(task: Any, state: Any, observation: Any) -> Any:
        return number(observation)

    return number_seen


@cache
def call_noter(state_size: int) -> Callable[..., Any]:
    """The function that notes in `last_call` what it was that left the schema."""
    write_call = item_writer(state_size)

    @register_jitable
    def note(
        last_call: Any, broken_by: Any, history: Any, key: Any, action: Any, state: Any
    ) -> Any:
        last_call[0], last_call[1], last_call[2] = history, key, action
        write_call(last_call, uint64(3), state)
        return broken_by

    return note


@cache
def row_writer(num_components: int) -> Callable[..., Any]:
    """The function that writes a transition into a row of `fields`, but for its label."""
    write_observation = item_writer(num_components)

    @register_jitable
    def write_row(
        fields: Any, row: Any, now: Any, chosen: Any, earned: Any, then: Any, end: Any, t: Any
    ) -> None:
        observation, action, reward, next_observation, boundary, episode_step = fields[:6]
        write_observation(observation, row * uint64(num_components), now)
        action[row] = chosen
        reward[row] = earned
        write_observation(next_observation, row * uint64(num_components), then)
        boundary[row] = end
        episode_step[row] = t

    return write_row


def loop_stamp(family: TaskFamily, make_rules: MakeRules) -> str:
    """What a loop of the family and the algorithm closes over, so that no edit leaves it stale."""
    parts = (make_rules.__module__, greedy_choice.__name__, softmax_choice.__name__, __name__)
    return source_stamp(family) + hash_of_sources(*parts)


@cache
def compile_history_loop(
    family: TaskFamily, make_rules: MakeRules, reads: Reads, *, labelled: bool = False
) -> HistoryLoop:
    """The loop of `family` and the algorithm; compiled, or loaded, when first called."""
    stamp = loop_stamp(family, make_rules)
    num_inputs, number = numbering(family, reads)
    rules = make_rules(family, num_inputs)
    memory_size, begin, choose, update = rules[:4]
    label: Any = rules.label
    begin_episode: Any = rules.begin_episode
    tells_episodes = begin_episode is not None
    reset, step, observe = family_functions(family)
    is_terminal, boundary_of, _, _ = episode_ends(family)
    episode_length = family.episode_length
    read_task, as_state = column_reader(family.task_size), int32_tuple(family.state_size)
    note = call_noter(family.state_size)
    write_row = row_writer(len(family.observation_sizes))
    is_no_state = tuple_guard(family.state_sizes)
    is_no_observation = tuple_guard(family.observation_sizes)
    is_no_reward, narrow_reward = dtype_guard(family.transition_schema.reward_dtype)
    num_actions = family.num_actions
    reads_cells = reads == "cell"

    @compiled
    def run(
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
        for h in range(num_histories):
            task = read_task(tasks, h)
            same_task = h > uint64(0) and task == read_task(tasks, h - uint64(1))
            begin(memory, parameters, task, same_task)
            first_row = h * (uint64(fields[1].shape[0]) // num_histories)
            row = first_row
            for episode in range(num_episodes):
                kept = keep_every > 0 and episode % uint64(keep_every) == uint64(0)
                key = step_key(keys[0, h], keys[1, h], episode)
                start = reset(task, uint32(episode), key)
                state = as_state(start)
                if is_no_state(start):
                    return note(last_call, BROKEN_BY_RESET, h, key, int64(episode), state)
                now = observe(task, state)
                if is_no_observation(now):
                    return note(last_call, BROKEN_BY_OBSERVE, h, key, 0, state)
                seen = number(task, state, now)
                if reads_cells and seen >= uint64(num_inputs):
                    return note(last_call, BROKEN_BY_CELL, h, key, 0, state)
                if tells_episodes:
                    begin_episode(memory, parameters, uint32(episode), key, seen)
                total, epsilon = 0.0, exploration[episode]
                for t in range(uint64(episode_length)):
                    clock = uint32(episode * uint64(episode_length) + t)
                    key = step_key(keys[4, h], keys[5, h], clock)
                    chosen = choose(memory, parameters, task, state, seen, t, epsilon, key)
                    if is_outside(chosen, 0, num_actions - 1):
                        return note(last_call, BROKEN_BY_CHOOSE, h, key, int64(chosen), state)
                    if labelled:  # as above, a constant: the branch not taken is not compiled
                        held = label(memory, parameters, task, state, seen, t, key)
                        if is_outside(held, 0, num_actions - 1):
                            return note(last_call, BROKEN_BY_LABEL, h, key, int64(held), state)
                    key = step_key(keys[2, h], keys[3, h], clock)
                    after, paid, ended = step(task, state, uint8(chosen), key)
                    if is_no_state(after) | is_no_reward(paid):
                        return note(last_call, BROKEN_BY_STEP, h, key, int64(chosen), state)
                    state = as_state(after)
                    earned = narrow_reward(paid)
                    then = observe(task, state)
                    if is_no_observation(then):
                        return note(last_call, BROKEN_BY_OBSERVE, h, key, int64(chosen), state)
                    seen_next = number(task, state, then)
                    if reads_cells and seen_next >= uint64(num_inputs):
                        return note(last_call, BROKEN_BY_CELL, h, key, int64(chosen), state)
                    terminated = is_terminal(ended)
                    update(memory, parameters, seen, chosen, earned, seen_next, terminated)
                    if kept:
                        end = boundary_of(ended, t == uint64(episode_length - 1))
                        write_row(fields, row, now, chosen, earned, then, end, t)
                        if labelled:
                            fields[6][row] = held
                        row += uint64(1)
                    total += earned
                    if ended:
                        break
                    now, seen = then, seen_next
                returns[h, episode] = total
            lengths[h] = row - first_row
        return KEPT_SCHEMA

    return HistoryLoop(run, memory_size, label is not None)
