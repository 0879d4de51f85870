"""Verdicts on what was published of orderings, from the parts of a study.

Each is judged on every recipe of which a study has what it is about; what a study has nothing of it
does not claim.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adfast.runs.comparison.verdicts import (
    Judged,
    SeedReturns,
    SourceCurve,
    at_or_above,
    does_not_rise,
    needs_fewer_episodes,
    rises,
)
from adfast.runs.comparison.verdicts import Verdict as Answer
from adfast.runs.recipe.methods import AD, RL2
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_table import Row, StudyTable

TOLERANCE = 0.05  # of what the optimum brings above random: less is no improvement
OF_SOURCE = 0.8  # of the best that the source is known to earn: what episodes are counted to
ED, SHUFFLED = "ed", "ad-shuffled"
Standing = Literal["supported", "refuted", "undecided", "not judged yet"]
STANDINGS: Mapping[Answer, Standing] = {
    "yes": "supported", "no": "refuted", "undecided": "undecided",
}  # fmt: skip

RULES = (
    "Late less early is the mean of the last five episodes less that of the first five. It is no "
    f"improvement up to {TOLERANCE:.0%} of what the optimum brings above random. Episodes are "
    f"counted until {OF_SOURCE:.0%} of the best that the source is known to earn. Intervals (95%) "
    "resample training seeds and tasks, of two methods jointly; a claim is supported where all of "
    "the interval says it, refuted where none of it does."
)


@dataclass(frozen=True)
class Verdict:
    """A claim, whether it is so here, and the numbers that say so."""

    claim: str
    verdict: Standing
    evidence: str


def verdicts_of(table: StudyTable, states: Mapping[str, PartState]) -> Iterator[Verdict]:
    """The verdict on each claim; `states` have the records of the parts that are done."""
    by_recipe: dict[str, dict[str, Row]] = {}
    for panel in table.panels:
        for row in panel.rows if panel.axis is None else ():
            is_plain = not row.evaluation and row.method in CLAIMED
            if is_plain:
                by_recipe.setdefault(row.recipe, {}).setdefault(row.method, row)
    for recipe, rows in by_recipe.items():
        records = {method: done(row, states) for method, row in rows.items()}
        for claim in CLAIMS:
            if all(method in rows for method in claim.methods):
                yield claim.judged(recipe, [records[method] for method in claim.methods])


def done(row: Row, states: Mapping[str, PartState]) -> list[PartRecord]:
    """The records of those of a row's parts that count."""
    of_row = [states[part.name] for part in row.parts]
    return [one.record for one in of_row if one.standing == "done" and one.record is not None]


@dataclass(frozen=True)
class Claim:
    """What was published of `methods`, and the rule by which it is judged of their records.

    `within_trial`: in those episodes alone that the first of them was trained for.
    """

    words: str
    methods: tuple[str, ...]
    kind: Literal["rises", "does not rise", "fewer episodes", "at or above"]
    within_trial: bool = False

    def judged(self, recipe: str, records: Sequence[Sequence[PartRecord]]) -> Verdict:
        """The verdict on one recipe."""
        claim = f"{recipe}: {self.words}"
        if not all(records):
            return Verdict(claim, "not judged yet", "")
        found = self.found(records)
        if found is None:
            return Verdict(claim, "not judged yet", "nothing is known of its source")
        unit = " episodes" if self.kind == "fewer episodes" else ""
        seeds = f"{found.seeds} seed{'s' if found.seeds > 1 else ''}"
        return Verdict(claim, STANDINGS[found.verdict], f"{found.numbers}{unit}, {seeds}")

    def found(self, records: Sequence[Sequence[PartRecord]]) -> Judged | None:
        """By the functions that comparisons are judged by."""
        most = trial_of(records[0][0]) if self.within_trial else None
        first, *others = [returns_of(*of, most) for of in zip(self.methods, records, strict=True)]
        if self.kind == "rises":
            return rises(first)
        if self.kind == "does not rise":
            return does_not_rise(first, tolerance=TOLERANCE * room_above_random(records[0]))
        if self.kind == "at or above":
            return at_or_above(first, others[0])
        curves = {record.seed: source_of(record) for record in records[0]}
        sources: dict[Hashable, SourceCurve] = {
            seed: curve for seed, curve in curves.items() if curve is not None
        }
        if not sources:
            return None
        best = np.mean([curve.returns for curve in sources.values()], axis=0).max()
        return needs_fewer_episodes(first, sources, level=float(OF_SOURCE * best))


CLAIMS = (
    Claim("AD rises in context", (AD,), "rises"),
    Claim("AD needs fewer episodes than its source", (AD,), "fewer episodes"),
    Claim("ED does not rise above its first episodes", (ED,), "does not rise"),
    Claim("AD on shuffled episodes does not improve in context", (SHUFFLED,), "does not rise"),
    Claim("RL2 earns as much as AD, or more", (RL2, AD), "at or above"),
    Claim("RL2 earns as much as AD within its own trials", (RL2, AD), "at or above", True),
)
CLAIMED = {method for claim in CLAIMS for method in claim.methods}


def trial_of(record: PartRecord) -> int:
    """The episodes of a trial by which a policy of RL2 was trained."""
    return int(record.settings["rl2.trial_episodes"])


def returns_of(label: str, records: Sequence[PartRecord], most: int | None) -> SeedReturns:
    """What a method earned in at most so many episodes, by seed, which draws the split, too."""
    return SeedReturns(
        label,
        {record.seed: record.array[:, :most] for record in records},
        {record.seed: (record.task_ids, record.tasks_per_row) for record in records},
    )


def room_above_random(records: Sequence[PartRecord]) -> float:
    """What the optimum brings above random; where one is not known, the most that is earned."""
    known = [
        record.optimal - record.references.random
        for record in records
        if record.optimal is not None and isinstance(record.references.random, float)
    ]
    if known:
        return float(np.mean(known))
    return float(max(record.array.mean(axis=0).max() for record in records))


def source_of(record: PartRecord) -> SourceCurve | None:
    """The source in the episodes that are known of it; None where there is none.

    These are its first ones, and behind them those that the training data keeps.
    """
    first, kept = record.references.source, record.references.source_every_kth
    if not isinstance(first, tuple):
        return None
    later = kept if isinstance(kept, tuple) else ()
    every = int(record.settings.get("collection.keep_every", 1))
    numbers = 1 + every * np.arange(len(later))
    behind = numbers > len(first)
    return SourceCurve(
        np.concatenate([np.arange(1, len(first) + 1), numbers[behind]]),
        np.concatenate([first, np.array(later)[behind]]),
    )
