"""The losses of a subject on histories of the source, by position, with more or less of them seen.

A model that was trained on labels is asked for them; every other subject for what was done.

The source algorithm learns each task from scratch, once for each history; the subject reads it
whole, from its first transition on, and is scored at every position.

Axes: N histories, T transitions, P bins of positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from adfast.probes.attended.reading import action_losses
from adfast.probes.subject import Subject
from adfast.source_algorithms.loops.learner_streams import learner_streams

BINS = 24
MAX_TOKENS = 65_536  # of one forward pass, unless a single history is longer

# What of a history is seen at each transition [N, T]; see `read_histories`.
Sight = Callable[[Mapping[str, np.ndarray]], np.ndarray | None]


@dataclass(frozen=True)
class HistoryLoss:
    """The mean loss in nats float64 `[P]` at positions `edges[p]` to `edges[p + 1] - 1`.

    `edges` is int64 `[P + 1]`; a position counts the transitions before it in its history.
    """

    edges: np.ndarray
    loss: np.ndarray


@dataclass(frozen=True)
class SummedLosses:
    """Sums of losses float64 `[sights, tasks, P]` over `count` `[tasks, P]` scored actions."""

    edges: np.ndarray
    total: np.ndarray
    count: np.ndarray

    def mean(self, sight: int) -> HistoryLoss:
        """The mean over all tasks with one of the sights."""
        return HistoryLoss(self.edges, self.total[sight].sum(axis=0) / self.count.sum(axis=0))

    def mean_by_task(self, sight: int, first: int) -> np.ndarray:
        """float64: of each task, from bin `first` on; tasks that never get there are left out."""
        count = self.count[:, first:].sum(axis=1)
        return np.asarray(self.total[sight, :, first:].sum(axis=1)[count > 0] / count[count > 0])


def summed_losses(
    subject: Subject, sights: Sequence[Sight], histories_per_task: int
) -> SummedLosses:
    """The losses on histories of every held-out task, read with each of `sights`."""
    family, source, collection = subject.collected
    task_ids = subject.split.held_out
    learners = np.arange(len(task_ids) * histories_per_task)
    capacity = -(-collection.episodes // collection.keep_every) * family.episode_length
    length, tokens = capacity, 1
    schema = replace(family.transition_schema, labelled=subject.is_asked_labels)
    if subject.model is not None:
        tokens = subject.model.config.tokens_per_transition
        length = min(length, subject.model.config.num_learned_positions or length)
    edges = position_edges(length, family.episode_length)
    count = np.zeros((len(task_ids), len(edges) - 1))
    total = np.zeros((len(sights), *count.shape))
    rows = max(MAX_TOKENS // (length * tokens), 1)
    for first in range(0, len(learners), rows):
        chunk = learners[first : first + rows]
        place = chunk % len(task_ids)
        out = schema.allocate(len(chunk), capacity)
        for array in out.values():
            array.fill(0)  # what lies behind the end of a history is read, though not scored
        lengths = source.learn(
            family,
            *learner_streams(family, task_ids, chunk, source.actors),
            collection.episodes,
            subject.seed,
            out,
            keep_every=collection.keep_every,
            streams_per_learner=1,
        )
        fields = {name: array[:, :length] for name, array in out.items()}
        is_scored = np.arange(length) < lengths[:, None]
        np.add.at(count, place, np.add.reduceat(is_scored, edges[:-1], axis=1, dtype=float))
        for sight, sees in enumerate(sights):
            loss = action_losses(subject, fields, lengths, sees(fields))
            by_bin = np.add.reduceat(np.where(is_scored, loss, 0.0), edges[:-1], axis=1)
            np.add.at(total[sight], place, by_bin)
    # A prefix: where episodes end early, no history may be of full length.
    reached = int((count.sum(axis=0) > 0).sum())
    return SummedLosses(edges[: reached + 1], total[..., :reached], count[:, :reached])


def see_all(fields: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """All that came before."""
    return None


def see_episode(fields: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """What came before in the same episode."""
    step = fields["episode_step"].astype(np.int64)
    return np.asarray(np.arange(step.shape[1]) - step)


def position_edges(length: int, episode_length: int) -> np.ndarray:
    """int64 edges of at most `BINS` bins of 0..`length`, about evenly spaced in the logarithm.

    Edges between two bins are multiples of the episode's length, so that each bin holds as many
    early as late steps of an episode.
    """
    episodes = max(length // episode_length, 1)
    inner = np.unique(np.geomspace(1, episodes, BINS).round().astype(np.int64)) * episode_length
    return np.unique([0, *inner[inner < length], length]).astype(np.int64)
