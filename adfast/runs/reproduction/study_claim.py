"""Claims of the critique that the parts of a study answer, each by a rule that was stated before
any of these parts was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adfast.errors import RunError
from adfast.evaluation.summary import LAST_EPISODES
from adfast.probes.evidence import Evidence, judged
from adfast.probes.evidence import verdict_of as verdict_by
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_table import Row
from adfast.runs.reproduction.verdicts import Standing, done

States = Mapping[str, PartState]
Records = Mapping[str, Sequence[PartRecord]]  # row -> its parts, in the order of their seeds


@dataclass(frozen=True)
class ClaimVerdict:
    """What a study says of a claim; `claim` is the number that the critique's has, if it is one.

    `evidence` are the numbers in words, `interval` is that of the piece that decided, adjusted as
    it was judged, and `n` counts the tasks of all training seeds together.
    """

    claim: int | None
    words: str
    rule: str
    verdict: Standing
    evidence: str = ""
    seeds: int = 0
    n: int = 0
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class StudyClaim:
    """A claim, the rows that it is judged by, and what of their records is evidence."""

    claim: int | None
    words: str
    rule: str
    rows: tuple[Row, ...]
    evidence_of: Callable[[Records], Sequence[Evidence]]

    def verdict_of(self, states: States) -> ClaimVerdict:
        """The verdict, for which all parts of all rows are needed."""
        parts = [part.name for row in self.rows for part in row.parts]
        if unknown := [name for name in parts if name not in states]:
            raise RunError(f"the verdict needs the state of part {unknown[0]}, which is not there")
        missing = [name for name in parts if states[name].standing != "done"]
        if missing:
            lacks = f"{len(missing)} of {len(parts)} parts are missing"
            return ClaimVerdict(self.claim, self.words, self.rule, "not judged yet", lacks)
        pieces = judged(self.evidence_of({row.name: done(row, states) for row in self.rows}))
        standing = verdict_by(pieces)
        decisive = decisive_of(pieces)
        has_interval = decisive.low is not None and decisive.high is not None
        return ClaimVerdict(
            self.claim,
            self.words,
            self.rule,
            standing,
            "; ".join(map(told, pieces)),
            len(decisive.values),
            decisive.num_tasks,
            (decisive.low, decisive.high) if has_interval else None,  # type: ignore[arg-type]
        )


def decisive_of(pieces: Sequence[Evidence]) -> Evidence:
    """The piece that is farthest on the side that refutes, or nearest to it."""
    return min(pieces, key=margin_of)


def margin_of(piece: Evidence) -> float:
    """How far the mean lies on the side that supports, in units of the interval's half width."""
    sign = 1.0 if piece.supports == "above" else -1.0
    reach = 1.0 if piece.low is None or piece.high is None else (piece.high - piece.low) / 2
    return sign * (piece.mean - piece.threshold) / max(reach, 1e-12)


def told(piece: Evidence) -> str:
    """The number of a piece with its interval and threshold, in words."""
    interval = "" if piece.low is None else f" ({piece.low:.2f} to {piece.high:.2f})"
    wanted = f"to be {piece.supports} {piece.threshold:g}"
    divided = ", but not in every seed" if piece.is_divided else ""
    return f"{piece.name}: {piece.mean:.2f}{interval}, {wanted}{divided}"


def last_episodes(record: PartRecord) -> np.ndarray:
    """float64 `[rows]`: the mean of the last five episodes on each task."""
    return np.asarray(record.array[:, -LAST_EPISODES:].mean(axis=1))


def gain(record: PartRecord) -> np.ndarray:
    """float64 `[rows]`: the mean of the last five episodes less the first one."""
    return np.asarray(last_episodes(record) - record.array[:, 0])


def of_same_tasks(*rows: Sequence[PartRecord]) -> list[tuple[PartRecord, ...]]:
    """The records of several rows, seed by seed; raises `RunError` unless tasks are the same."""
    by_seed = [{record.seed: record for record in records} for records in rows]
    together = [tuple(of_row[seed] for of_row in by_seed) for seed in sorted(by_seed[0])]
    for first, *others in together:
        for other in others:
            if (first.task_ids, first.tasks_per_row) != (other.task_ids, other.tasks_per_row):
                raise RunError(
                    f"parts {first.name} and {other.name} must be of the same tasks to be held "
                    "against each other; make both again"
                )
    return together
