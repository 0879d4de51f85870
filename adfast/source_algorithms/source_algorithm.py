"""SourceAlgorithm: what every learner offers, checked once here and run by `history_loop`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np
from numba.core.errors import NumbaError

from adfast.config import Config
from adfast.errors import InvalidArgument
from adfast.random_streams import (
    BEHAVIOUR,
    ENVIRONMENT_RESET,
    ENVIRONMENT_STEP,
    as_streams,
    stream_keys,
)
from adfast.simulators.step_loops import BROKEN_BY_RESET, BROKEN_BY_STEP, KEPT_SCHEMA
from adfast.source_algorithms.history_loop import (
    BROKEN_BY_OBSERVE,
    LearningRules,
    compile_history_loop,
)
from adfast.tasks.checked_calls import (
    checked_observe,
    checked_reset,
    checked_step,
    refuse_unexplained,
    uncompilable,
)
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_count, require_kind

MAX_EPISODES = 2**31 - 1  # of one history
STREAM_LENGTH = 2**32  # steps of a history


class SourceAlgorithm(Config, ABC):
    """A learner whose whole learning histories are distilled. Subclasses' fields are its options.

    A history is a function of (family, task, random stream, seed, episodes): which other histories
    share a call, in which order and in which thread, changes no byte of it. Its environment draws
    what a `BatchSimulator` of the same seed and random stream would draw.
    """

    name: ClassVar[str]

    @staticmethod
    @abstractmethod
    def rules(family: TaskFamily) -> LearningRules:
        """The algorithm's pure functions for `family`; raises `InvalidArgument` if it cannot."""

    @abstractmethod
    def parameters(self) -> tuple[float, ...]:
        """The numbers that `rules` reads; changing them needs no compilation."""

    @abstractmethod
    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: the probability of a uniformly random action in each episode."""

    def learn(
        self,
        family: TaskFamily,
        task_ids: Any,
        random_streams: Any,
        episodes: int,
        seed: int,
        out: dict[str, np.ndarray],
        *,
        keep_every: int = 1,
    ) -> np.ndarray:
        """Write one whole learning history of `episodes` for each of the N `task_ids` into `out`.

        `out` maps each field of the family's schema to a C-contiguous array
        `[N, capacity, *item]`; rows beyond a history's length are left as they are. Of the
        simulated episodes 0, k, 2k, .. are written, where k = `keep_every`.

        Returns int64 `[N]`, the lengths of the histories in transitions. Holds no GIL. Raises
        `InvalidArgument` for a family that leaves its schema; `out` is then of no use.
        """
        require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
        kept_episodes = num_kept(episodes, keep_every)
        task_ids = family.check_task_ids(task_ids)
        streams = check_streams(random_streams, task_ids)
        capacity = check_out(family.transition_schema, out, len(streams))
        if capacity < kept_episodes * family.episode_length:
            raise InvalidArgument(
                f"out must hold {kept_episodes * family.episode_length} transitions per history "
                f"({kept_episodes} kept episodes of {family.episode_length}), got {capacity}"
            )
        return self._run(family, task_ids, streams, episodes, seed, out, keep_every)[0]

    def returns(
        self, family: TaskFamily, task_ids: Any, random_streams: Any, episodes: int, seed: int
    ) -> np.ndarray:
        """float64 `[N, episodes]`: the return of each episode that `learn` would simulate."""
        require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
        num_kept(episodes, 1)
        task_ids = family.check_task_ids(task_ids)
        streams = check_streams(random_streams, task_ids)
        nothing = family.transition_schema.allocate(len(streams), 0)
        return self._run(family, task_ids, streams, episodes, seed, nothing, 0)[1]

    def _run(
        self,
        family: TaskFamily,
        task_ids: Any,
        streams: np.ndarray,
        episodes: int,
        seed: int,
        out: dict[str, np.ndarray],
        keep_every: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lengths and the returns of the histories; writes none when `keep_every` is 0."""
        if episodes * family.episode_length > STREAM_LENGTH:
            raise InvalidArgument(
                f"episodes x {family.episode_length:,} steps must be at most 2**32, the draws of a "
                f"random stream, got {episodes:,} episodes"
            )
        purposes = (ENVIRONMENT_RESET, ENVIRONMENT_STEP, BEHAVIOUR)
        keys = np.stack([word for p in purposes for word in stream_keys(seed, p, streams)])
        task = np.ascontiguousarray(family.task_parameters(task_ids).T)
        lengths = np.empty(len(streams), np.int64)
        returns = np.empty((len(streams), episodes), np.float64)
        loop = compile_history_loop(family, type(self).rules)
        last_call = np.zeros(3 + family.state_size, np.int64)
        try:
            broken_by = loop.run(
                task,
                keys,
                self.exploration(episodes),
                self.parameters(),
                np.empty(loop.memory_size),
                keep_every,
                *(out[name].reshape(-1) for name in family.transition_schema.fields),
                lengths,
                returns,
                last_call,
            )
        except NumbaError as error:
            raise uncompilable(family, error) from error
        if broken_by != KEPT_SCHEMA:
            self._explain(family, task_ids, broken_by, last_call)
        return lengths, returns

    def _explain(
        self, family: TaskFamily, task_ids: Any, broken_by: int, last_call: np.ndarray
    ) -> NoReturn:
        """Raise the `InvalidArgument` for the call that left the schema."""
        history, key, action, *state = last_call.tolist()
        task_id = int(np.asarray(task_ids)[history])
        if broken_by == BROKEN_BY_RESET:
            checked_reset(family, task_id, key)
        elif broken_by == BROKEN_BY_STEP:
            checked_step(family, task_id, state, action, key)
        elif broken_by == BROKEN_BY_OBSERVE:
            checked_observe(family, task_id, state)
        else:
            raise InvalidArgument(
                f"choose of {self.name} in task {task_id} of {family.name}, state {tuple(state)}, "
                f"must return an action in 0..{family.num_actions - 1}, got {action}"
            )
        refuse_unexplained(family, task_id)


def num_kept(episodes: int, keep_every: int) -> int:
    """How many of `episodes` are kept; raises `InvalidArgument` unless both are at least 1."""
    for argument, value in (("episodes", episodes), ("keep_every", keep_every)):
        as_count(argument, value, MAX_EPISODES)
    return -(-episodes // keep_every)


def check_streams(random_streams: Any, task_ids: Any) -> np.ndarray:
    """`random_streams` as an array; raises `InvalidArgument` unless there is one for each task."""
    streams = as_streams("random_streams", random_streams)
    if streams.shape != np.shape(task_ids):
        raise InvalidArgument(
            f"random_streams must have one entry for each of the task_ids "
            f"{np.shape(task_ids)}, got shape {streams.shape}"
        )
    return streams


def check_out(schema: TransitionSchema, out: dict[str, np.ndarray], count: int) -> int:
    """The capacity of `out`; raises `InvalidArgument` unless it is laid out by `schema`."""
    require_kind("out", out, Mapping, "a mapping of names to arrays")
    if set(out) != set(schema.fields):
        raise InvalidArgument(f"out must have the fields {list(schema.fields)}, got {list(out)}")
    for name, array in out.items():
        require_kind(f'out["{name}"]', array, np.ndarray, "a NumPy array")
    capacity = out["action"].shape[1] if out["action"].ndim > 1 else 0
    for name, field in schema.fields.items():
        array, shape = out[name], (count, capacity, *field.shape)
        flags = array.flags
        laid_out = flags.c_contiguous and flags.writeable
        if array.dtype != field.dtype or array.shape != shape or not laid_out:
            raise InvalidArgument(
                f'out["{name}"] must be writeable C-contiguous {field.dtype} of shape {shape}, '
                f"got {array.dtype} of shape {array.shape}; TransitionSchema.allocate makes it"
            )
    return capacity
