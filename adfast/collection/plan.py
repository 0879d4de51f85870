"""The plan of a collection: which histories there are, and in which blocks they are stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xxhash

from adfast import source_algorithms
from adfast.collection.config import CollectionConfig
from adfast.errors import InvalidArgument, byte_size
from adfast.provenance import available_cores
from adfast.source_algorithms.catalogue import SOURCE_ALGORITHMS
from adfast.source_algorithms.loops.learner_streams import learner_streams
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_seed, require_kind

MAX_BLOCKS = 1_000_000  # files of a store
MAX_BLOCK_BYTES = 2**34


@dataclass(frozen=True)
class CollectionPlan:
    """Which histories there are: all training tasks in turn, repetition by repetition.

    Adding repetitions leaves the earlier histories as they are.
    """

    family: TaskFamily
    task_ids: np.ndarray  # int64 [tasks], those to collect on; made of any sequence
    config: CollectionConfig
    seed: int

    def __post_init__(self) -> None:
        """Refuse what no collection can follow; a list of task ids is as good as an array."""
        require_kind(
            "family", self.family, TaskFamily, "a task family; adfast.tasks.make gives one"
        )
        require_kind("config", self.config, CollectionConfig, "a CollectionConfig")
        task_ids = self.family.check_task_ids(self.task_ids)
        if not len(task_ids):
            raise InvalidArgument("task_ids must name at least one task, got none")
        object.__setattr__(self, "task_ids", task_ids)
        object.__setattr__(self, "seed", as_seed("seed", self.seed))
        if self.config.labels:
            self.source().check_labels(self.family)
        self._check_learners()
        self._check_size()

    def _check_learners(self) -> None:
        """Refuse histories that make no whole number of learners."""
        asked, actors = self.config.streams_per_learner, self.actors
        if asked is not None and asked > actors:
            raise InvalidArgument(
                f"collection.streams_per_learner must be at most {actors}, the actors of a learner "
                f"of {self.config.algorithm}, got {asked}"
            )
        if self.config.histories_per_task % self.streams_per_learner:
            raise InvalidArgument(
                f"collection.histories_per_task must be a multiple of {self.streams_per_learner}, "
                f"the histories kept of each learner of {self.config.algorithm}, got "
                f"{self.config.histories_per_task}; or set collection.streams_per_learner=1"
            )

    def _check_size(self) -> None:
        """Refuse what no store, memory or random stream has room for."""
        histories_of = f"{self.num_histories:,} histories of {len(self.task_ids):,} tasks"
        row_bytes = self.schema.bytes_per_transition
        if self.num_blocks > MAX_BLOCKS:
            most = self.num_histories * self.longest_history * row_bytes
            raise InvalidArgument(
                f"collection.histories_per_task makes {histories_of}, up to {byte_size(most)} in "
                f"{self.num_blocks:,} blocks, of which there may be {MAX_BLOCKS:,}; lower it, or "
                "raise collection.block_histories"
            )
        block_bytes = (
            min(self.block_histories, self.num_histories) * self.longest_history * row_bytes
        )
        if block_bytes > MAX_BLOCK_BYTES:
            raise InvalidArgument(
                f"collection.block_histories x {self.longest_history:,} transitions of a history "
                f"take {byte_size(block_bytes)} for a block, each thread has one, and the most is "
                f"{byte_size(MAX_BLOCK_BYTES)}; lower it, or collection.episodes"
            )
        streams = self.family.num_tasks * self.actors // self.streams_per_learner
        if self.config.histories_per_task * streams > 2**63:
            raise InvalidArgument(
                f"collection.histories_per_task must be at most {2**63 // streams:,} "
                f"for {self.family.num_tasks:,} tasks, so that each history has a random stream of "
                f"its own, got {self.config.histories_per_task:,}"
            )

    @property
    def schema(self) -> TransitionSchema:
        """What a transition of these histories holds."""
        return replace(self.family.transition_schema, labelled=self.config.labels)

    @property
    def num_histories(self) -> int:
        """Histories in all."""
        return len(self.task_ids) * self.config.histories_per_task

    @property
    def num_blocks(self) -> int:
        """Blocks in all."""
        return -(-self.num_histories // self.block_histories)

    @property
    def block_histories(self) -> int:
        """Histories of a block but the last: as many as the settings say, of whole learners."""
        learners = max(self.config.block_histories // self.streams_per_learner, 1)
        return learners * self.streams_per_learner

    @cached_property
    def actors(self) -> int:
        """Environments in which each learner acts at once."""
        return self.source().actors

    @property
    def streams_per_learner(self) -> int:
        """Histories that are kept of each learner: those of its first actors."""
        return self.config.streams_per_learner or self.actors

    @property
    def longest_history(self) -> int:
        """Transitions that a history has at most."""
        kept_episodes = -(-self.config.episodes // self.config.keep_every)
        return kept_episodes * self.family.episode_length

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what decides the histories, and none of what decides how they are made."""
        least, each = self.config.min_improvement, self.config.streams_per_learner
        return {
            "family": repr(self.family),
            "tasks": xxhash.xxh3_64_hexdigest(self.task_ids.tobytes()),
            "source": repr(self.source()),
            "histories_per_task": self.config.histories_per_task,
            "episodes": self.config.episodes,
            "keep_every": self.config.keep_every,
            "seed": self.seed,
            **({"labels": True} if self.config.labels else {}),
            **({} if least is None else {"min_improvement": least}),
            **({} if each is None else {"streams_per_learner": each}),
        }

    def source(self) -> SourceAlgorithm:
        """The algorithm whose histories these are."""
        return source_algorithms.make(self.config.algorithm, **self.config.options)

    @property
    def num_threads(self) -> int:
        """Threads that collect, each a block: those of the settings, or one for each core.

        An algorithm that is not for several threads has one; raises `InvalidArgument` where the
        settings ask for more.
        """
        asked, algorithm = self.config.threads, SOURCE_ALGORITHMS.find(self.config.algorithm)
        if algorithm.is_threadable:
            return asked or available_cores()
        if asked is not None and asked > 1:
            raise InvalidArgument(
                f"collection.threads must be 1 for {algorithm.name}, which cannot learn in several "
                f"threads at once, got {asked}"
            )
        return 1

    def block(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[N]` pairs: the task ids and the random streams of a block's histories."""
        task_ids, streams = (all_of.reshape(-1, self.actors) for all_of in self.learners(number))
        kept = slice(self.streams_per_learner)
        return task_ids[:, kept].reshape(-1), streams[:, kept].reshape(-1)

    def learners(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """`block`, but of all actors of its learners."""
        each = self.streams_per_learner
        first = number * self.block_histories // each
        last = min(first + self.block_histories // each, self.num_histories // each)
        return learner_streams(self.family, self.task_ids, np.arange(first, last), self.actors)
