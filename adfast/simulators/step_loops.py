"""The compiled loops that step and reset a batch of environments, written once for every family.

A loop closes over the family's pure functions and reads its `source_hash`, so that a later process
finds it kept and an edited family does not. Work is split into short loops over few
arrays, without branches: each vectorises. Nothing here allocates.

Legend: E environments, S state components, P task parameters, C observation components.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import int32, uint8, uint32, uint64
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled
from adfast.random_draws import step_key
from adfast.random_streams import ENVIRONMENT_RESET, ENVIRONMENT_STEP, stream_keys
from adfast.simulators import episode_ends
from adfast.tasks.compiled.components import column_reader, column_writer, item_writer, selector
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.schema_guards import dtype_guard, tuple_guard
from adfast.tasks.family import TaskFamily, hash_of_sources

# What a loop returns: the function of the family that broke its schema, or that none did. Where an
# observation breaks it, the loop names the function that led there.
KEPT_SCHEMA, BROKEN_BY_RESET, BROKEN_BY_STEP = range(3)
BROKEN = 2  # the bit of `terminated` that marks an environment whose step broke the schema


class EnvironmentArrays(NamedTuple):
    """What a batch of environments is made of; `step_all` and `reset_some` change it in place."""

    task: np.ndarray  # int32 [P, E]
    state: np.ndarray  # int32 [S, E]
    episode_step: np.ndarray  # int32 [E]: steps taken in the current episode
    episodes: np.ndarray  # uint32 [E]: episodes started so far
    keys: np.ndarray  # uint32 [4, E]: offset and mask of the reset and of the step stream

    @classmethod
    def allocate(cls, family: TaskFamily, task_ids: np.ndarray) -> EnvironmentArrays:
        """Environments of `task_ids`; `set_streams` and then `reset_some` must follow."""
        count = len(task_ids)
        return cls(
            task=np.ascontiguousarray(family.task_parameters(task_ids).T),
            state=np.zeros((family.state_size, count), np.int32),
            episode_step=np.zeros(count, np.int32),
            episodes=np.zeros(count, np.uint32),
            keys=np.zeros((4, count), np.uint32),
        )

    @property
    def changing(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What a step changes, with the environments along the last axis."""
        return self.state, self.episode_step, self.episodes

    def set_streams(self, seed: int, random_streams: Any, where: Any) -> None:
        """Put the environments that `where` indexes at the beginning of new random streams."""
        self.keys[0:2, where] = stream_keys(seed, ENVIRONMENT_RESET, random_streams)
        self.keys[2:4, where] = stream_keys(seed, ENVIRONMENT_STEP, random_streams)
        self.episodes[where] = 0


class StepLoops(NamedTuple):
    """The compiled loops of one family.

    `reset_some(task, state, episode_step, episodes, keys, mask, observation)` starts a new episode
    where `mask` (uint8 [E]) is not zero, and writes the observation (flat [E * C]) of all.

    `step_all(task, state, episode_step, episodes, keys, actions, auto_reset, observation, reward,
    terminated, truncated, final_observation)` takes one step in all environments. `actions`,
    `terminated` and `truncated` are uint8 [E]; observations are flat [E * C]. The final observation
    is the one before any reset; with `auto_reset` an ended episode is followed at once by the next.

    Both return which function of the family broke the schema, if one did; nothing that they wrote
    is of use then, but where `step` did so: such an environment's state is that from before, and
    its `terminated` is `BROKEN`.
    """

    reset_some: Callable[..., int]
    step_all: Callable[..., int]


def source_stamp(family: TaskFamily) -> str:
    """What a compiled loop must close over, so that no edit of its parts leaves it stale."""
    return family.source_hash + hash_of_sources(episode_ends.__name__)


@cache
def compile_step_loops(family: TaskFamily) -> StepLoops:
    """The loops of `family`; compiled, or loaded from the cache, when first called."""
    stamp = source_stamp(family)
    reset, step, observe = family_functions(family)
    num_components = len(family.observation_sizes)
    is_no_state = tuple_guard(family.state_sizes)
    is_no_observation = tuple_guard(family.observation_sizes)
    is_no_reward, narrow_reward = dtype_guard(family.transition_schema.reward_dtype)
    _, _, mark, is_cut_off = episode_ends.episode_ends(family)
    episode_length = family.episode_length
    read_task = column_reader(family.task_size)
    read_state, write_state = column_reader(family.state_size), column_writer(family.state_size)
    select_state = selector(family.state_size)
    write_observation = item_writer(num_components)

    @register_jitable
    def is_broken_at(task: Any, state: Any) -> Any:
        return uint8(is_no_state(state) | is_no_observation(observe(task, state)))

    @register_jitable
    def observe_all(task: Any, state: Any, observation: Any) -> None:
        for e in range(uint64(task.shape[1])):
            seen = observe(read_task(task, e), read_state(state, e))
            write_observation(observation, e * uint64(num_components), seen)

    @compiled
    def reset_some(
        task: Any,
        state: Any,
        episode_step: Any,
        episodes: Any,
        keys: Any,
        mask: Any,
        observation: Any,
    ) -> int:
        _ = stamp
        count = uint64(mask.shape[0])
        broken = uint8(0)
        for e in range(count):
            if mask[e]:
                key = step_key(keys[uint64(0), e], keys[uint64(1), e], episodes[e])
                start = reset(read_task(task, e), episodes[e], key)
                broken |= is_broken_at(read_task(task, e), start)
                write_state(state, e, start)
                episode_step[e] = int32(0)
                episodes[e] = uint32(episodes[e] + uint32(1))
        if broken:
            return BROKEN_BY_RESET
        observe_all(task, state, observation)
        return KEPT_SCHEMA

    @compiled
    def step_all(
        task: Any,
        state: Any,
        episode_step: Any,
        episodes: Any,
        keys: Any,
        actions: Any,
        auto_reset: Any,
        observation: Any,
        reward: Any,
        terminated: Any,
        truncated: Any,
        final_observation: Any,
    ) -> int:
        _ = stamp
        count = uint64(actions.shape[0])
        broken = uint8(0)
        for e in range(count):
            clock = uint32((episodes[e] - uint32(1)) * uint32(episode_length))
            clock = uint32(clock + uint32(episode_step[e]))
            key = step_key(keys[uint64(2), e], keys[uint64(3), e], clock)
            # A reduction in this loop would be dear, an observation from registers is not.
            before = read_state(state, e)
            after, paid, ended = step(read_task(task, e), before, actions[e], key)
            is_broken = uint8(is_broken_at(read_task(task, e), after) | is_no_reward(paid))
            write_state(state, e, select_state(is_broken == 0, after, before))
            reward[e] = narrow_reward(paid)
            terminated[e] = uint8(BROKEN) if is_broken else mark(ended)

        any_done = uint8(0)
        for e in range(count):
            steps = int32(episode_step[e] + int32(1))
            out_of_time = is_cut_off(terminated, e, steps >= episode_length)
            episode_step[e] = steps
            truncated[e] = out_of_time
            any_done |= uint8(out_of_time | terminated[e])
        if any_done & uint8(BROKEN):
            return BROKEN_BY_STEP

        observe_all(task, state, final_observation)
        if not (any_done and auto_reset):
            # A slice assignment takes eight times as long: it provides for overlap.
            for item in range(uint64(observation.shape[0])):
                observation[item] = final_observation[item]
            return KEPT_SCHEMA

        for e in range(count):
            done = (truncated[e] | terminated[e]) != 0
            key = step_key(keys[uint64(0), e], keys[uint64(1), e], episodes[e])
            start = reset(read_task(task, e), episodes[e], key)
            broken |= uint8(uint8(done) & is_broken_at(read_task(task, e), start))
            write_state(state, e, select_state(done, start, read_state(state, e)))
        for e in range(count):
            done = (truncated[e] | terminated[e]) != 0
            episode_step[e] = int32(0) if done else episode_step[e]
            episodes[e] = uint32(episodes[e] + uint32(done))
        if broken:
            return BROKEN_BY_RESET
        observe_all(task, state, observation)
        return KEPT_SCHEMA

    return StepLoops(reset_some, step_all)


@compiled
def narrow_actions(actions: Any, num_actions: Any, narrowed: Any) -> Any:
    """Copy `actions` of any integer dtype to uint8 `narrowed`; whether all are valid."""
    invalid = uint8(0)
    for e in range(uint64(actions.shape[0])):
        action = uint64(actions[e])  # a negative one becomes greater than any valid one
        invalid |= uint8(action >= uint64(num_actions))
        narrowed[e] = uint8(action)
    return invalid == 0
