"""Where episodes end on held-out tasks: on goals that were trained on, and on the same one again?

Axes: N environments, E episodes, S seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.evaluation.statistics import bootstrap_interval
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.new_tasks.goal_cells import GoalCells, goal_cells, numbered
from adfast.probes.probe import BehaviouralProbe, Observed, require_subjects
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.sections import Bars, BarSeries, Table, numbers
from adfast.probes.subject import Subject

# What is right of agents of known kind: once found, a held-out goal is no training goal.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "refuted",
    "heuristic": "refuted",
    "corrected-heuristic": "refuted",
    "posterior-sampling": "refuted",
    "ideal-learner": "refuted",
    "source-algorithm": "refuted",
    "memorised-goal": "supported",
    "competence-mimic": "refuted",
}


class TrainingGoalHabit(BehaviouralProbe):
    """Does it go to goals of its training, whatever it is paid?"""

    title: ClassVar[str] = "The habit of training goals"
    claim: ClassVar[str] = (
        "On held-out tasks it picks a goal of its training and keeps going there."
    )
    answers: ClassVar[int | None] = 4
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED

    episodes: Count = 20
    """Episodes of each environment."""

    habit: float = Field(0.5, gt=0, lt=1)
    """Share of the episodes that must end where the one before ended, unpaid."""

    beyond_chance: float = Field(0.5, gt=0, lt=1)
    """How far from chance (0) to training goals alone (1) its unpaid ends must lie."""

    @property
    def rule(self) -> str:
        """What of its ends must be so, and how often."""
        return (
            "An unpaid end is the last cell of an episode that is not the task's goal. Supported "
            f"where more than {self.habit:g} of the episodes end unpaid in the cell in which the "
            "one before ended, and of the unpaid ends more are training goals than "
            f"{self.beyond_chance:g} of the way from chance to all of them; chance is the share of "
            "training goals among the cells that are not the task's own. Refuted where either is "
            "less."
        )

    def observe(self, subject: Subject, seeds: np.ndarray) -> Observed:
        """`end` int64 `[tasks, S, E]`: the last cell of each episode."""
        require_subjects([subject], "family")
        family = subject.family
        assert family is not None, "required"
        goal_cells(family, subject)
        tasks, streams = streams_of(family, subject.split.held_out, seeds)
        acted = roll_out(subject, tasks, streams, self.episodes)
        last = acted.observation[:, 0, :, -1].astype(np.int64)
        cell = numbered(family, last)
        return {"end": cell.reshape(len(subject.split.held_out), len(seeds), self.episodes)}

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """By the shares of ends on each task."""
        goals, ends = [], [arrays["end"] for arrays in observed]
        for subject in subjects:
            assert subject.family is not None, "observed"
            goals.append(goal_cells(subject.family, subject))
        found = [Ends.of(end, cells) for end, cells in zip(ends, goals, strict=True)]
        bars = [one.chance + self.beyond_chance * (1 - one.chance) for one in goals]
        excess = [one.trained - bar * one.unpaid for one, bar in zip(found, bars, strict=True)]
        by_chance = [cells.chance * one.unpaid for one, cells in zip(found, goals, strict=True)]
        finding = self.finding(
            subjects,
            evidence=[
                evidence(
                    "same unpaid end as before", [one.kept for one in found], above=self.habit
                ),
                evidence("ends on training goals, less what they must exceed", excess, above=0.0),
            ],
            numbers=[
                quantity("ends on training goals", [one.trained for one in found]),
                quantity("that chance would give", by_chance),
                quantity("ends on the task's own goal", [1 - one.unpaid for one in found]),
            ],
            sections=[share_bars(subjects, found, by_chance), ends_table(subjects, found, goals)],
        )
        # The critique says it of expert distillation; of other models it is for comparison.
        methods = {subject.settings.get("method") for subject in subjects if subject.model}
        return finding if methods <= {"ed"} else finding.model_copy(update={"answers": None})


@dataclass(frozen=True)
class Ends:
    """Shares float64 `[tasks]` of the episodes of a subject.

    `unpaid` end elsewhere than on the task's goal, `trained` on a training goal, `kept` unpaid in
    the cell in which the episode before ended. `cells` float64 `[cells]`: the unpaid ends, by cell.
    """

    unpaid: np.ndarray
    trained: np.ndarray
    kept: np.ndarray
    cells: np.ndarray

    @classmethod
    def of(cls, end: np.ndarray, goals: GoalCells) -> Ends:
        """Those of the last cells `[tasks, S, E]`."""
        unpaid = end != goals.own[:, None, None]
        kept = unpaid[..., 1:] & (end[..., 1:] == end[..., :-1])
        counts = np.bincount(end[unpaid], minlength=len(goals.is_trained))
        return cls(
            unpaid.mean(axis=(1, 2)),
            (unpaid & goals.is_trained[end]).mean(axis=(1, 2)),
            kept.mean(axis=(1, 2)),
            counts / max(counts.sum(), 1),
        )

    def spread_of_chance(self, chance: float) -> float:
        """Standard deviation, over random splits, of the share of unpaid ends on training goals."""
        count = len(self.cells) - 1
        uneven = max(float((self.cells**2).sum()) - 1 / count, 0.0)
        return float(np.sqrt(chance * (1 - chance) * uneven * count / (count - 1)))


def share_bars(
    subjects: Sequence[Subject], found: Sequence[Ends], by_chance: Sequence[np.ndarray]
) -> Bars:
    """By held-out task of one subject, by subject of several."""
    chance = BarSeries(name="by chance", values=())
    if len(subjects) == 1:
        family = subjects[0].family
        assert family is not None, "observed"
        labels = [family.task_label(int(task_id)) for task_id in subjects[0].split.held_out]
        trained = BarSeries(name="of the episodes", values=numbers(found[0].trained))
        chance = BarSeries(name="by chance", values=numbers(by_chance[0]))
        over = "Each held-out task, by its goal"
    else:
        labels = [subject.name for subject in subjects]
        low, high = np.array([bootstrap_interval(one.trained) for one in found]).T
        means = [one.trained.mean() for one in found]
        trained = BarSeries(
            name="of the episodes", values=numbers(means), low=numbers(low), high=numbers(high)
        )
        chance = BarSeries(name="by chance", values=numbers([one.mean() for one in by_chance]))
        over = "Means, with 95% intervals over held-out tasks"
    return Bars(
        title="Episodes that end on a training goal",
        labels=tuple(labels),
        y_label="share of the episodes",
        series=(trained, chance),
        caption=f"{over}. Chance is what any unpaid ends would give.",
    )


def ends_table(
    subjects: Sequence[Subject], found: Sequence[Ends], goals: Sequence[GoalCells]
) -> Table:
    """What each subject's unpaid ends are, beside random splits."""
    rows = []
    for subject, one, cells in zip(subjects, found, goals, strict=True):
        of_unpaid = one.trained.sum() / one.unpaid.sum() if one.unpaid.any() else None
        rows.append(
            (
                subject.name,
                float(1 - one.unpaid.mean()),
                float(one.kept.mean()),
                of_unpaid,
                cells.chance,
                2 * one.spread_of_chance(cells.chance),
                int((one.cells > 0).sum()),
            )
        )
    return Table(
        title="Where episodes end",
        columns=(
            "",
            "own goal",
            "same unpaid cell again",
            "training goals among unpaid ends",
            "by chance",
            "+-",
            "different cells",
        ),
        rows=tuple(rows),
        caption=(
            "Chance is the share of training goals among all cells but the task's own; +- is twice "
            "its standard deviation over random splits, for ends that are spread as these are: who "
            "always goes to the same few cells tells little about which ones it prefers."
        ),
    )
