"""Verdicts on what was published of orderings, from the parts of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_table import StudyTable


@dataclass(frozen=True)
class Verdict:
    """A claim, whether it is so here, and the numbers that say so."""

    claim: str
    verdict: Literal["supported", "refuted", "undecided", "not judged yet"]
    evidence: str


CLAIMS = (
    "AD rises in context",
    "AD needs fewer episodes than its source",
    "ED stays flat, below its first episodes",
    "AD on shuffled episodes does not improve in context",
    "RL2 earns as much as AD, or more",
)


def verdicts_of(table: StudyTable, states: Mapping[str, PartState]) -> Iterator[Verdict]:
    """The verdict on each claim; `states` have the records of the parts that are done."""
    for claim in CLAIMS:
        yield Verdict(claim, "not judged yet", "")
