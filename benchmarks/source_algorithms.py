"""Contests of the source algorithms: whole learning histories, one core, against plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Any

import numpy as np

from benchmarks.contest import Contest, require_equal_fields, require_same_mean
from benchmarks.engine import source_algorithms, tasks
from benchmarks.pair_timer import Contender
from benchmarks.rivals import python_q_learning
from benchmarks.rivals.twins import twin_learner, twin_room
from reference.expert import expert_history
from reference.q_learning import q_learning_history

CHECKED_HISTORIES = 3


class Histories:
    """Histories of `algorithm` on tasks in turn, `per_task` of each, written into the same arrays.

    History h is that of random stream h.
    """

    def __init__(
        self, algorithm: str, family: str, num_histories: int, per_task: int, episodes: int
    ) -> None:
        self.family = tasks.make(family)
        self.algorithm = source_algorithms.make(algorithm)
        self.episodes = episodes
        self.task_ids = np.arange(num_histories) // per_task % self.family.num_tasks
        self.out = self.family.transition_schema.allocate(
            num_histories, episodes * self.family.episode_length
        )
        for array in self.out.values():
            array[...] = 0  # has the pages mapped

    def learn(self) -> np.ndarray:
        """Write all histories; their lengths."""
        streams = np.arange(len(self.task_ids))
        return self.algorithm.learn(
            self.family, self.task_ids, streams, self.episodes, seed=0, out=self.out
        )

    def check_against(self, twin_history: Callable[[int], dict[str, list[Any]]]) -> None:
        """Raise `NotEquivalent` unless the first, a middle and the last history are the twin's."""
        lengths = self.learn()
        for history in np.linspace(0, len(lengths) - 1, CHECKED_HISTORIES).astype(int):
            rows = {name: array[history, : lengths[history]] for name, array in self.out.items()}
            require_equal_fields(rows, twin_history(int(history)))

    @property
    def transitions(self) -> int:
        """Transitions of all histories of a family whose episodes are of fixed length."""
        return self.out["action"].size


@contextmanager
def q_learning(family: str, num_histories: int, episodes: int) -> Iterator[Contest]:
    """Q-learning against its twin, and against plain Python without keyed random numbers."""
    histories = Histories("q-learning", family, num_histories, 1, episodes)
    made = histories.family
    sizes = made.observation_sizes
    room_of = twin_room(family)
    stream = count()
    random = Random(0)

    def twin(history: int) -> tuple[dict[str, list[Any]], list[float]]:
        room = room_of(int(histories.task_ids[history]), random_stream=history)
        fields, returns = q_learning_history(room, episodes=episodes, seed=0, random_stream=history)
        return fields, returns

    def plain(task_id: int) -> list[float]:
        _, returns = python_q_learning.q_learning_history(
            room_of(task_id),
            columns=sizes[1],
            num_observations=int(np.prod(sizes)),
            episodes=episodes,
            random=random,
            **histories.algorithm.model_dump(exclude={"reads"}),
        )
        return returns

    def check() -> None:
        histories.check_against(lambda history: twin(history)[0])
        task_ids = np.repeat(np.arange(made.num_tasks), 2)
        returns = histories.algorithm.returns(
            made, task_ids, np.arange(len(task_ids)), episodes, seed=1
        )
        expected = np.array([plain(int(task_id)) for task_id in task_ids])
        require_same_mean("mean return of a history", returns.mean(1), expected.mean(1))

    per_history = episodes * made.episode_length
    yield Contest(
        Contender("q-learning", histories.learn, histories.transitions),
        (
            Contender(
                "twin in plain Python", lambda: twin(next(stream) % num_histories), per_history
            ),
            Contender(
                "plain Python, module random",
                lambda: plain(next(stream) % made.num_tasks),
                per_history,
            ),
        ),
        check,
        bytes_per_unit=made.transition_schema.bytes_per_transition,
    )


@contextmanager
def against_twin(
    algorithm: str, family: str, num_histories: int, episodes: int
) -> Iterator[Contest]:
    """A learner against its twin alone."""
    histories = Histories(algorithm, family, num_histories, 1, episodes)
    made = histories.family
    room_of, twin_history = twin_room(family), twin_learner(algorithm)
    stream = count()

    def twin(history: int) -> dict[str, list[Any]]:
        room = room_of(int(histories.task_ids[history]), random_stream=history)
        fields: dict[str, list[Any]]
        fields, _ = twin_history(room, episodes=episodes, seed=0, random_stream=history)
        return fields

    yield Contest(
        Contender(algorithm, histories.learn, histories.transitions),
        (
            Contender(
                "twin in plain Python",
                lambda: twin(next(stream) % num_histories),
                episodes * made.episode_length,
            ),
        ),
        lambda: histories.check_against(twin),
        bytes_per_unit=made.transition_schema.bytes_per_transition,
    )


@contextmanager
def annealed_expert(
    family: str, num_histories: int, per_task: int, episodes: int
) -> Iterator[Contest]:
    """The annealed expert against its twin."""
    histories = Histories("annealed-expert", family, num_histories, per_task, episodes)
    made = histories.family
    room_of = twin_room(family)
    noise = histories.algorithm.exploration(episodes)
    stream = count()

    def twin(history: int) -> dict[str, list[Any]]:
        room = room_of(int(histories.task_ids[history]), random_stream=history)
        fields: dict[str, list[Any]] = expert_history(
            room, noise=noise, seed=0, random_stream=history
        )
        return fields

    yield Contest(
        Contender("annealed-expert", histories.learn, histories.transitions),
        (
            Contender(
                "twin in plain Python",
                lambda: twin(next(stream) % num_histories),
                episodes * made.episode_length,
            ),
        ),
        lambda: histories.check_against(twin),
        bytes_per_unit=made.transition_schema.bytes_per_transition,
    )
