"""What a model holds of where the goal may be, by read-outs of its stream and by pushing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, Quantity, quantity
from adfast.probes.inside.held_beliefs import KNOWN, OWN, PHASES, SEARCHING, Beliefs, beliefs_of
from adfast.probes.probe import Probe, require_subjects
from adfast.probes.sections import Bars, BarSeries, Level, LineChart, Series, Table, numbers
from adfast.probes.subject import Subject

# Which verdict is right for models that were trained on histories of whom.
EXPECTED: Mapping[str, Literal["supported", "refuted"]] = {
    "posterior-sampling": "supported",  # it draws a goal from those that may be
    "heuristic": "refuted",  # it wanders until it is paid, and need not hold where it was
    "shuffled rewards": "refuted",  # no reward said where the goal was
}
PREFERENCE = "preference of the search for goals of training"
LABELS = {SEARCHING: "before the first reward", KNOWN: "after it"}


class BeliefsProbe(Probe):
    """Does the model know where the goal may be, and act on it?"""

    title: ClassVar[str] = "What it believes"
    claim: ClassVar[str] = (
        "It holds where the goal may be: once a reward was paid its residual stream tells the "
        "goal, and pushing the stream along its beliefs moves the actions, before the first reward "
        "and after it."
    )

    episodes: Count = 10
    """Episodes of a search."""

    seeds: Count = 8
    """Searches on each task."""

    told: float = Field(0.05, ge=0.0)
    """By which the share of rightly ordered cells must exceed that of an untrained network."""

    moved: float = Field(0.02, ge=0.0)
    """By which a push must move probabilities of actions beyond one in a random direction."""

    @property
    def rule(self) -> str:
        """What is read, what is pushed, and when it counts."""
        return (
            "The model searches and is told of no reward; then it reads its searches with the "
            "rewards that were paid. Linear read-outs are fitted on training tasks, their layer is "
            "chosen on validation tasks (training tasks where there are none), and held-out tasks "
            "are scored. Supported where three intervals over tasks lie above their thresholds: "
            "(1) after the first reward, in other cells than the goal, the share of cells that the "
            "read-out of the goal places below it, less that of an untrained network, "
            f"{self.told:g}; (2) there, the probability of moves to the cell across the room when "
            "the stream is pushed as if the goal were in that, less the same under a push as long "
            f"in a random direction, {self.moved:g}; (3) before the first reward, the probability "
            "of a move when all cells on its side are made possible, less that when all are made "
            f"impossible, less the same in a random direction, {self.moved:g}. Refuted where one "
            "of them lies below its threshold."
        )

    def measure(self, subjects: Sequence[Subject]) -> Finding:
        """Read-outs and pushes on searches of held-out tasks."""
        require_subjects(subjects, "family", "model")
        held = [beliefs_of(subject, self.seeds, self.episodes) for subject in subjects]
        pushed = {
            phase: [each.pushed[phase].own - each.pushed[phase].random for each in held]
            for phase in PHASES
        }
        beyond = {phase: [each.beyond(phase) for each in held] for phase in PHASES}
        return self.finding(
            subjects,
            evidence=(
                evidence("goal told beyond an untrained network", beyond[KNOWN], above=self.told),
                evidence("push to another goal, on moves", pushed[KNOWN], above=self.moved),
                evidence("push of open cells, on moves", pushed[SEARCHING], above=self.moved),
            ),
            numbers=(
                quantity("open cells told beyond an untrained network", beyond[SEARCHING]),
                quantity("new cells per searching step", [each.new_cells[OWN] for each in held]),
                quantity(PREFERENCE, [each.preference for each in held]),
            ),
            sections=(push_bars(held), told_lines(held), search_table(held)),
        )


def push_bars(held: Sequence[Beliefs]) -> Bars:
    """What pushes along the beliefs did, beside those at random."""
    series = []
    for name, which in (("along the belief", "own"), ("in a random direction", "random")):
        found = [
            quantity(name, [getattr(each.pushed[phase], which) for each in held])
            for phase in PHASES
        ]
        series.append(bars_of(name, found))
    return Bars(
        title="When the stream is pushed",
        labels=tuple(LABELS[phase] for phase in PHASES),
        y_label="change in the probability of the moves",
        series=tuple(series),
        caption=(
            "Before the first reward: of the move to a side, all of whose cells are held to be "
            "possible rather than impossible. After it: of the moves to the cell across the room, "
            "where the goal is held to be. With 95% intervals."
        ),
    )


def bars_of(name: str, found: Sequence[Quantity]) -> BarSeries:
    """Bars of what was found, with their intervals where all have one."""
    limits = [tuple(getattr(one, limit) for one in found) for limit in ("low", "high")]
    low, high = (None if None in limit else limit for limit in limits)
    return BarSeries(name=name, values=numbers([one.value for one in found]), low=low, high=high)


def told_lines(held: Sequence[Beliefs]) -> LineChart:
    """How well cells are told apart, by depth: means over subjects and tasks."""
    series = []
    for phase in PHASES:
        for whose in ("told", "untrained"):
            by_depth = zip(*(getattr(each, whose)[phase].by_depth for each in held), strict=True)
            means = [float(np.mean([tasks.mean() for tasks in depth])) for depth in by_depth]
            name = f"{LABELS[phase]}, {'trained' if whose == 'told' else 'untrained'}"
            depths = tuple(map(float, range(len(means))))
            series.append(Series(name=name, x=depths, y=numbers(means)))
    return LineChart(
        title="What the stream tells",
        x_label="layers that the stream has passed",
        y_label="share of pairs in order",
        series=tuple(series),
        levels=(Level(name="chance", value=0.5),),
        caption=(
            "Pairs of a cell that may be the goal and one that cannot be, which a linear read-out "
            "puts in order on held-out tasks. An untrained network of the same architecture "
            "averages over its history, which already tells much of where it was."
        ),
    )


def search_table(held: Sequence[Beliefs]) -> Table:
    """How it searches, beside others; and for which goals."""
    rows: list[tuple[str | float | None, ...]] = []
    for name in dict.fromkeys(name for each in held for name in each.new_cells):
        by_subject = [each.new_cells[name] for each in held if name in each.new_cells]
        found = quantity(name, by_subject)
        rows.append((f"new cells per searching step, {name}", found.value, found.low, found.high))
    found = quantity(PREFERENCE, [each.preference for each in held])
    rows.append((PREFERENCE, found.value, found.low, found.high))
    return Table(
        title="How it searches",
        columns=("what", "mean", "95% from", "to"),
        rows=tuple(rows),
        caption=(
            "Which posterior the search follows: a preference of 0 is that over all cells not yet "
            "entered, of 1 that over goals of training alone. Counted are steps into a new cell "
            "where new cells of both kinds were in reach, against their shares."
        ),
    )
