"""How narrow the tasks of a family are: what is left to learn once the first reward was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.evaluation.statistics import bootstrap_interval
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.new_tasks.family_narrowness import (
    AFTER,
    ALL,
    PHASES,
    SEARCHING,
    FamilyNarrowness,
    narrowness,
)
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.sections import Bars, BarSeries, Table, numbers
from adfast.probes.subject import Subject
from adfast.tasks import make
from adfast.tasks.family import TaskFamily

Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda names: tuple(names) if type(names) is list else names),
]


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
