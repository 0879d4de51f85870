"""What it earns on a new task beside its source, and what its training tasks cost before.

Axes: S seeds, E episodes, H episodes of a history of the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.evaluation.statistics import mean_over_seeds, seeds_and_tasks_interval
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, Quantity, quantity
from adfast.probes.probe import BehaviouralProbe, Observed, require_subjects
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.sections import LineChart, Series, Table, numbers
from adfast.probes.subject import Subject

LAST = 5  # episodes by which what was learned is measured
SMOOTHED = 10  # episodes over which the source is averaged
SOURCE_STREAMS = 2**48  # more than those of the subject
MOST_SHOWN = 40  # points of a line

# What is right of agents of known kind. It is the source that others are compared with.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "refuted",
    "heuristic": "supported",
    "corrected-heuristic": "supported",
    "posterior-sampling": "supported",
    "ideal-learner": "supported",
    "source-algorithm": "refuted",
    "memorised-goal": "refuted",
    "competence-mimic": "refuted",
}


class EqualData(BehaviouralProbe):
    """Does it earn more than its source on a new task, at equal steps there?"""

    title: ClassVar[str] = "At equal data"
    claim: ClassVar[str] = (
        "On a new task it earns more than its source in the same number of steps."
    )
    answers: ClassVar[int | None] = 7
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED

    episodes: Count = 40
    """Episodes of each environment."""

    margin: float = Field(0.1, ge=0, lt=1)
    """Share of the best return by which it must be ahead."""

    @property
    def rule(self) -> str:
        """What is compared, and how far ahead it must be."""
        return (
            f"Both learn held-out tasks from nothing, for the steps of {self.episodes} episodes. "
            "Supported where its mean return over all of them exceeds that of its source by more "
            f"than {self.margin:g} of the best return, refuted where it does not. What its "
            "training tasks cost decides nothing here, and is shown."
        )

    def observe(self, subject: Subject, seeds: np.ndarray) -> Observed:
        """Shares of the best return: `earned` `[tasks, S, E]`, and `source` `[tasks, S, H]`.

        Of a source with several actors, which take as many episodes at once, the mean of these
        counts once for each.
        """
        require_subjects([subject], "family", "source", "collection")
        family, source, collection = subject.collected
        task_ids = subject.split.held_out
        best = family.optimal_return(task_ids)[:, None, None]
        if (best <= 0).any():
            raise InvalidArgument(
                f"the probe needs tasks in which something can be earned, and in {family.name} "
                "the best return is not above 0; put it to a family of rewards"
            )
        tasks, streams = streams_of(family, task_ids, seeds)
        acted = roll_out(subject, tasks, streams, self.episodes).returns[:, 0]
        actors = source.actors
        learned = source.returns(
            family,
            np.repeat(tasks, actors),
            (SOURCE_STREAMS + streams[:, None] * actors + np.arange(actors)).ravel(),
            max(collection.episodes, -(-self.episodes // actors)),
            subject.seed,
        )
        by_learner = learned.reshape(len(tasks), actors, -1).mean(axis=1)
        by_episode = np.repeat(by_learner, actors, axis=1)
        shape = len(task_ids), len(seeds)
        return {
            "earned": acted.reshape(*shape, -1) / best,
            "source": by_episode.reshape(*shape, -1) / best,
        }

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """By the area between both lines, on each task."""
        earned = [arrays["earned"].mean(axis=1) for arrays in observed]  # [tasks, E]
        source = [arrays["source"].mean(axis=1) for arrays in observed]
        count = self.episodes
        ahead = [
            (one - other[:, :count]).mean(axis=1) for one, other in zip(earned, source, strict=True)
        ]
        needs = [
            episodes_to_earn(other, one[:, -LAST:].mean(axis=1))
            for one, other in zip(earned, source, strict=True)
        ]
        needed = quantity("episodes that the source needs to earn as much", needs)
        unit = "of the best return"
        return self.finding(
            subjects,
            evidence=[evidence("ahead of its source", ahead, above=self.margin, unit=unit)],
            numbers=[
                quantity("mean return", [one.mean(axis=1) for one in earned], unit=unit),
                quantity("of its source", [o[:, :count].mean(axis=1) for o in source], unit=unit),
                quantity("at the end", [one[:, -LAST:].mean(axis=1) for one in earned], unit=unit),
                quantity(
                    "of its source, at the end of a history that was learned from",
                    [one[:, -LAST:].mean(axis=1) for one in source],
                    unit=unit,
                ),
                needed,
                *break_even(subjects, needed, count),
            ],
            sections=[
                lines(subjects, earned, source, count),
                costs(subjects, needs, source, count),
            ],
        )


def episodes_to_earn(source: np.ndarray, level: np.ndarray) -> np.ndarray:
    """float64 `[tasks]`: after how many episodes `source` `[tasks, H]` earns `level` `[tasks]`.

    Its return is the mean over the last ten episodes; where it never gets there, all count.
    """
    width = min(SMOOTHED, source.shape[1])
    sums = np.cumsum(np.pad(source, ((0, 0), (1, 0))), axis=1)
    smooth = (sums[:, width:] - sums[:, :-width]) / width
    reached = smooth >= level[:, None] - 1e-9
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + width, source.shape[1])
    return np.asarray(first, np.float64)


def training_episodes(subject: Subject) -> int:
    """Episodes that were simulated for the histories that a subject learned from; an agent: 0."""
    if subject.model is None:
        return 0
    _, source, collection = subject.collected
    streams = source.num_streams(collection.streams_per_learner)
    learners = -(-collection.histories_per_task // streams)
    return len(subject.split.train) * learners * source.actors * collection.episodes


def break_even(subjects: Sequence[Subject], needed: Quantity, episodes: int) -> list[Quantity]:
    """After how many new tasks distilling has saved the episodes that it cost; none if never."""
    cost = float(np.mean([training_episodes(subject) for subject in subjects]))
    if not cost:
        return []

    def tasks_for(needs: float | None) -> float | None:
        return None if needs is None or needs <= episodes else cost / (needs - episodes)

    value = tasks_for(needed.value)
    if value is None:
        return []
    low, high = tasks_for(needed.high), tasks_for(needed.low)
    if low is None or high is None:
        low = high = None
    name = "new tasks until distilling has paid"
    return [Quantity(name=name, value=value, low=low, high=high, unit="tasks", n=needed.n)]


def lines(
    subjects: Sequence[Subject],
    earned: Sequence[np.ndarray],
    source: Sequence[np.ndarray],
    episodes: int,
) -> LineChart:
    """Both returns by steps on the new task."""
    family, _, _ = subjects[0].collected
    series = []
    for name, of_subjects in (
        (subjects[0].name if len(subjects) == 1 else "subjects", earned),
        ("source", [one[:, :episodes] for one in source]),
    ):
        shown = np.unique(np.linspace(0, episodes - 1, min(episodes, MOST_SHOWN)).astype(int))
        points = [one[:, shown] for one in of_subjects]
        low, high = seeds_and_tasks_interval(points)
        series.append(
            Series(
                name=name,
                x=tuple(((shown + 1.0) * family.episode_length).tolist()),
                y=numbers(mean_over_seeds(points)),
                low=numbers(low),
                high=numbers(high),
            )
        )
    return LineChart(
        title="Return at equal steps on a new task",
        x_label="steps on the task",
        y_label="share of the best return",
        series=tuple(series),
        caption=f"By episode, with 95% intervals; n = {sum(map(len, earned))} tasks.",
    )


def costs(
    subjects: Sequence[Subject],
    needs: Sequence[np.ndarray],
    source: Sequence[np.ndarray],
    episodes: int,
) -> Table:
    """What was simulated before, and what of it a new task saves."""
    rows = []
    for subject, needed, other in zip(subjects, needs, source, strict=True):
        before, saved = training_episodes(subject), float(needed.mean()) - episodes
        rows.append(
            (
                subject.name,
                float(before),
                float(needed.mean()),
                float((needed >= other.shape[1]).mean()),
                before / saved if saved > 0 else None,
            )
        )
    return Table(
        title="When is distilling worth it?",
        columns=(
            "",
            "episodes simulated for training",
            "episodes that the source needs",
            "of tasks, not reached",
            "new tasks until it has paid",
        ),
        rows=tuple(rows),
        caption=(
            "The source needs so many episodes on a new task to earn what the subject does in the "
            f"last {LAST} of {episodes}; what that saves, the training tasks cost before. Where "
            "the source does not get there, its history counts whole. Without a number it never "
            "pays."
        ),
    )
