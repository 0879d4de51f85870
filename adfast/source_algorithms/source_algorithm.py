"""SourceAlgorithm: what every learner offers. Its arguments are checked here, once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from adfast.config import Config, WithoutOption
from adfast.errors import InvalidArgument
from adfast.random_streams import as_streams
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import LABEL, TransitionSchema
from adfast.values import as_count, require_kind

MAX_EPISODES = 2**31 - 1  # of one history
STREAM_LENGTH = 2**32  # steps of a history


class SourceAlgorithm(Config, ABC):
    """A learner whose whole learning histories are distilled. Subclasses' fields are its options.

    A history is a function of (family, task, random stream, seed, episodes): which other histories
    share a call, in which order and in which thread, changes no byte of it. Its environment draws
    what a `BatchSimulator` of the same seed and random stream would draw.

    A subclass has a `name` and a method `histories`. It is called from several threads at once and
    keeps nothing between calls; one for which that is not possible sets `is_threadable` to False.

    One that has an option `actors` learns in that many environments at once: its histories come in
    groups of that size, of one task, each what one learner's actors saw. It is the group that is
    independent of what shares its call.
    """

    name: ClassVar[str]
    is_threadable: ClassVar[bool] = True
    if TYPE_CHECKING:
        actors: int
    else:
        actors: ClassVar[int] = WithoutOption(1)

    @abstractmethod
    def histories(
        self,
        family: TaskFamily,
        task_ids: np.ndarray,
        random_streams: np.ndarray,
        episodes: int,
        seed: int,
        out: dict[str, np.ndarray],
        keep_every: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Simulate N histories, and write those episodes to `out` that are kept.

        All arguments are checked: `task_ids` int64 `[N]`, `random_streams` uint64 `[N]`, and `out`
        as `learn` has it, with room for what is kept; with `keep_every` 0, nothing is. It has the
        field "label" only where `check_labels` lets that pass.

        Returns int64 `[N]`, the transitions written of each, and float64 `[N, episodes]`, the
        returns of all episodes.
        """

    def check(self, family: TaskFamily) -> None:
        """Raise `InvalidArgument` where these tasks cannot be learned; by default any can."""

    def check_labels(self, family: TaskFamily) -> None:
        """Raise `InvalidArgument` where it cannot say what action was right; by default it cannot.

        A learner that can writes the field "label" of `out`, where there is one.
        """
        raise InvalidArgument(
            f"{self.name} says of no step which action was right, so its histories cannot be "
            "labelled; set collection.labels=false, or use an algorithm that knows, such as "
            "annealed-expert"
        )

    def memory_bytes(self, family: TaskFamily) -> int:
        """What one thread holds while it learns, beside the histories; by default next to none."""
        return 0

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
        streams_per_learner: int | None = None,
    ) -> np.ndarray:
        """Write one whole learning history of `episodes` for each of the N `task_ids` into `out`.

        `out` maps each field of the family's schema to a C-contiguous array
        `[N, capacity, *item]`; rows beyond a history's length are left as they are. Of the
        simulated episodes 0, k, 2k, .. are written, where k = `keep_every`. With a field "label",
        which is last in a labelled schema, it gets what the learner held right at each step.
        With `streams_per_learner` k, only the histories of each learner's first k actors are
        written: `out`, and what is returned, hold N / `actors` * k of them.

        Returns int64 `[N]`, the lengths of the histories in transitions. Raises `InvalidArgument`
        for a family that cannot be learned, or that leaves its schema (`out` is then of no use),
        and for labels of an algorithm that has none.
        """
        kept_episodes = num_kept(episodes, keep_every)
        task_ids, streams = self._checked(family, task_ids, random_streams, episodes)
        schema = family.transition_schema
        if isinstance(out, Mapping) and LABEL in out:
            self.check_labels(family)
            schema = replace(schema, labelled=True)
        streams_each = self.num_streams(streams_per_learner)
        capacity = check_out(schema, out, len(streams) // self.actors * streams_each)
        if capacity < kept_episodes * family.episode_length:
            raise InvalidArgument(
                f"out must hold {kept_episodes * family.episode_length} transitions per history "
                f"({kept_episodes} kept episodes of {family.episode_length}), got {capacity}"
            )
        if streams_each == self.actors:
            return self.histories(family, task_ids, streams, episodes, seed, out, keep_every)[0]
        lengths = np.empty(len(out["action"]), np.int64)
        whole = {n: np.empty((self.actors, *a.shape[1:]), a.dtype) for n, a in out.items()}
        for learner in range(len(streams) // self.actors):
            of = slice(learner * self.actors, (learner + 1) * self.actors)
            of_whole, _ = self.histories(
                family, task_ids[of], streams[of], episodes, seed, whole, keep_every
            )
            for actor in range(streams_each):
                history, length = learner * streams_each + actor, of_whole[actor]
                lengths[history] = length
                for name, array in whole.items():
                    out[name][history, :length] = array[actor, :length]
        return lengths

    def num_streams(self, streams_per_learner: int | None) -> int:
        """How many histories of a learner are kept; raises `InvalidArgument` for more than all."""
        if streams_per_learner is None:
            return self.actors
        streams_each = as_count("streams_per_learner", streams_per_learner)
        if streams_each > self.actors:
            raise InvalidArgument(
                f"streams_per_learner must be at most {self.actors}, the actors of "
                f"{self.name}, got {streams_each}"
            )
        return streams_each

    def returns(
        self, family: TaskFamily, task_ids: Any, random_streams: Any, episodes: int, seed: int
    ) -> np.ndarray:
        """float64 `[N, episodes]`: the return of each episode that `learn` would simulate."""
        num_kept(episodes, 1)
        task_ids, streams = self._checked(family, task_ids, random_streams, episodes)
        nothing = family.transition_schema.allocate(len(streams), 0)
        return self.histories(family, task_ids, streams, episodes, seed, nothing, 0)[1]

    def _checked(
        self, family: TaskFamily, task_ids: Any, random_streams: Any, episodes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The task ids and random streams as arrays; raises `InvalidArgument` for what is wrong."""
        require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
        task_ids = family.check_task_ids(task_ids)
        streams = check_streams(random_streams, task_ids)
        if episodes * family.episode_length > STREAM_LENGTH:
            raise InvalidArgument(
                f"episodes x {family.episode_length:,} steps must be at most 2**32, the draws of a "
                f"random stream, got {episodes:,} episodes"
            )
        self.check(family)
        groups = task_ids[: len(task_ids) // self.actors * self.actors].reshape(-1, self.actors)
        if groups.size != len(task_ids) or (groups != groups[:, :1]).any():
            raise InvalidArgument(
                f"task_ids must come in groups of {self.actors}, the actors of a learner of "
                f"{self.name}, each of one task; repeat each task id {self.actors} times"
            )
        return task_ids, streams


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
