"""How narrow the tasks of a family are: what is left to learn once the first reward was seen.

Axes: N tasks, S seeds, E episodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from adfast import source_algorithms
from adfast.baselines.agents.heuristic import Heuristic
from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.evaluation.in_context import evaluate
from adfast.evaluation.statistics import bootstrap_interval
from adfast.facts.first_reward import bits_left
from adfast.facts.of_family import LEARNERS, evenly_spaced
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.sections import Bars, BarSeries, Table, numbers
from adfast.probes.subject import Subject
from adfast.tasks import make
from adfast.tasks.family import TaskFamily

HISTORIES = 64  # by which the bits are counted that a first reward leaves
BEST = ("ideal-learner", *LEARNERS)  # who may be the best known learner, the best first
SEARCHING, AFTER, ALL = range(3)
PHASES = ("searching, first rewarded one included", "after the first rewarded one", "all")

Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda names: tuple(names) if type(names) is list else names),
]


@dataclass(frozen=True)
class FamilyNarrowness:
    """Bits of a family, and mean returns float64 `[N, 3]` in the `PHASES` of N tasks.

    They are those of the critique's heuristic and of the best known learner; NaN where a task has
    no such episode. `left` is None where it cannot be counted.
    """

    bits: float
    left: float | None
    learner: str
    heuristic: np.ndarray
    best: np.ndarray

    @property
    def after(self) -> np.ndarray:
        """float64 `[at most N]`: the heuristic's share after the first reward, by task."""
        known = np.isfinite(self.heuristic[:, AFTER]) & (self.best[:, AFTER] > 0)
        return np.asarray(self.heuristic[known, AFTER] / self.best[known, AFTER])

    def share(self, phase: int) -> float | None:
        """The heuristic's return of that of the best known learner, over all tasks."""
        known = np.isfinite(self.heuristic[:, phase]) & np.isfinite(self.best[:, phase])
        if not known.any() or self.best[known, phase].sum() <= 0:
            return None
        return float(self.heuristic[known, phase].sum() / self.best[known, phase].sum())


def narrowness(
    family: TaskFamily, *, tasks: int = 64, seeds: int = 8, episodes: int = 40, seed: int = 0
) -> FamilyNarrowness:
    """Of `tasks` evenly spaced tasks; raises `InvalidArgument` where somebody is not defined."""
    task_ids = evenly_spaced(family.num_tasks, tasks)
    heuristic = evaluate(
        Heuristic(), family, task_ids, episodes=episodes, seeds=seeds, seed=seed, progress=False
    ).returns
    learner, best = best_returns(family, task_ids, episodes, seeds, seed)
    if not ((heuristic > 0).any() and (best > 0).any()):
        raise InvalidArgument(
            f"the probe needs tasks in which episodes are rewarded, and none of {family.name} was; "
            "put it to a family of rewards above 0, or to more episodes"
        )
    left = bits_left(family, HISTORIES, seed)
    return FamilyNarrowness(
        bits=math.log2(family.num_tasks),
        left=None if left is None else float(left.mean()),
        learner=learner,
        heuristic=by_phase(heuristic),
        best=by_phase(best),
    )


def best_returns(
    family: TaskFamily, task_ids: np.ndarray, episodes: int, seeds: int, seed: int
) -> tuple[str, np.ndarray]:
    """The best known learner that begins ignorant, and its returns float64 `[N, S, E]`."""
    repeated = np.repeat(task_ids, seeds)
    streams = np.arange(len(repeated))
    for name in BEST:
        try:
            learner = source_algorithms.make(name)
            returns = learner.returns(family, repeated, streams, episodes, seed)
        except InvalidArgument:  # it does not fit the family
            continue
        return name, returns.reshape(len(task_ids), seeds, episodes)
    raise InvalidArgument(
        f"the probe needs somebody who learns {family.name} well, and nobody is known; put it to "
        "a family of fewer tasks whose moves can be counted"
    )


def by_phase(returns: np.ndarray) -> np.ndarray:
    """float64 `[N, 3]`: mean returns of `[N, S, E]` in the episodes of each phase, NaN of none."""
    paid = returns > 0
    before = np.asarray(np.cumsum(paid, axis=2) - paid > 0)  # a rewarded episode lies before
    found = np.full((len(returns), len(PHASES)), np.nan)
    for phase, episodes in ((SEARCHING, ~before), (AFTER, before), (ALL, np.ones_like(paid))):
        counts = episodes.sum(axis=(1, 2))
        sums = np.where(episodes, returns, 0.0).sum(axis=(1, 2))
        found[:, phase] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return found


class Narrowness(Probe):
    """How much of the best known learner's return does the critique's heuristic earn?"""

    title: ClassVar[str] = "How narrow the tasks are"
    claim: ClassVar[str] = (
        "The tasks are narrow: whoever goes back to where the first reward was earns nearly all "
        "that there is from then on."
    )
    answers: ClassVar[int | None] = 1

    tasks: Count = 64
    """Tasks of the family, evenly spaced over all."""

    seeds: Count = 8
    """Environments of each task."""

    episodes: Count = 40
    """Episodes of each environment."""

    share: float = Field(0.9, gt=0, le=1)
    """Of the best known learner's return after the first rewarded episode."""

    families: Names = ()
    """Further families by name, with their default options, each a row of the table."""

    @property
    def rule(self) -> str:
        """Whose return is compared with whose, and when."""
        return (
            "The heuristic goes where the last reward was and wanders before. Supported where in "
            f"the episodes after the first rewarded one it earns more than {self.share:g} of what "
            "the best known learner, which begins ignorant of the task, earns in its own; refuted "
            f"where it earns less. Both have {self.episodes} episodes of each task. How well it "
            "searches is shown and decides nothing."
        )

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """By the families of the subjects, each with tasks played by its own seed."""
        require_subjects(subjects, "family")
        found = []
        for subject in subjects:
            assert subject.family is not None, "required"
            found.append(self.of(subject.family, subject.seed))
        shares = [one.after for one in found]
        if not all(map(len, shares)):
            raise InvalidArgument(
                "the probe needs tasks whose reward the heuristic finds, and it found none; raise "
                "narrowness.episodes"
            )
        return self.finding(
            subjects,
            evidence=[
                evidence("of the best learner, after the first reward", shares, above=self.share)
            ],
            numbers=[
                quantity("of the best learner, after the first reward", shares),
                quantity("bits of a task", [np.array([one.bits]) for one in found]),
                *(
                    quantity(f"share in episodes {PHASES[phase]}", [np.array([one.share(phase)])])
                    for one in found[:1]
                    for phase in (SEARCHING, ALL)
                    if one.share(phase) is not None
                ),
            ],
            sections=[return_bars(found[0]), self.table(subjects, found)],
        )

    def of(self, family: TaskFamily, seed: int) -> FamilyNarrowness:
        """What is found of a family, at the sizes of the options."""
        return narrowness(
            family, tasks=self.tasks, seeds=self.seeds, episodes=self.episodes, seed=seed
        )

    def table(self, subjects: Sequence[Subject], found: Sequence[FamilyNarrowness]) -> Table:
        """A row for each family: of the subjects, then the further ones."""
        rows = []
        seen = set()
        for subject, one in zip(subjects, found, strict=True):
            assert subject.family is not None, "required"
            if subject.family not in seen:
                seen.add(subject.family)
                rows.append(row_of(subject.family.name, one))
        for name in self.families:
            try:
                rows.append(row_of(name, self.of(make(name), subjects[0].seed)))
            except InvalidArgument as reason:
                rows.append((name, None, None, str(reason), None, None, None))
        return Table(
            title="Families",
            columns=(
                "family",
                "bits of a task",
                "bits left after the first reward",
                "best known learner",
                "share while searching",
                "share after the first reward",
                "share of all",
            ),
            rows=tuple(rows),
            caption=(
                "Shares are of the best known learner's return per episode in the same phase of "
                "its own history. Bits left: the entropy of the task for who saw the first reward "
                "of random actions, and knows the family."
            ),
        )


def row_of(name: str, one: FamilyNarrowness) -> tuple[str | float | None, ...]:
    """The row of a family."""
    shares = (one.share(SEARCHING), one.share(AFTER), one.share(ALL))
    return (name, one.bits, one.left, one.learner, *shares)


def return_bars(one: FamilyNarrowness) -> Bars:
    """The heuristic beside the best known learner, phase by phase."""
    series = []
    for name, returns in (("heuristic", one.heuristic), (one.learner, one.best)):
        by_phase = [tasks[np.isfinite(tasks)] for tasks in returns.T]
        low, high = np.array([bootstrap_interval(tasks) for tasks in by_phase]).T
        means = numbers([tasks.mean() for tasks in by_phase])
        series.append(BarSeries(name=name, values=means, low=numbers(low), high=numbers(high)))
    return Bars(
        title="The heuristic beside the best known learner",
        labels=PHASES,
        y_label="return per episode",
        series=tuple(series),
        caption=(
            f"Each in the phases of its own histories, with 95% intervals over n = {len(one.best)} "
            "tasks, or as many of them as have the phase."
        ),
    )
