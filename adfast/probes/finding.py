"""Finding: the answer of a probe, as it is written to a file and drawn on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from adfast.evaluation.statistics import bootstrap_interval
from adfast.notebooks import as_html
from adfast.probes.evidence import Evidence, Verdict, judged_together, verdict_of
from adfast.probes.sections import Part, Section

FEWEST = 3  # values that an interval is made of: of two it would say no more than these


class Quantity(Part):
    """A number that was measured, with the 95% interval from `low` to `high` where there is one.

    `n` tasks or, of several subjects, subjects were measured; `by_subject` has the mean of each.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    n: int | None = None
    by_subject: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _has_both_ends_of_an_interval_or_none(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high go together: give both or neither")
        return self


class Finding(Part):
    """What a probe found on its subjects.

    `probe` is its name in the catalogue, or its full name. `rule` was stated before anything was
    measured, and `verdict` is what it says of `claim`, by `evidence`; None where there is none.
    `answers` is the number of the critique's claim that it speaks to. `unanswered` says why the
    question could not be put. `arrays` are nested lists of numbers, for whoever goes on with them.
    """

    version: Literal[1] = 1
    probe: str
    title: str
    options: dict[str, Any] = Field(default_factory=dict)
    subjects: tuple[str, ...]
    claim: str = ""
    rule: str = ""
    verdict: Verdict | None = None
    answers: int | None = None
    unanswered: str = ""
    evidence: tuple[Evidence, ...] = ()
    numbers: tuple[Quantity, ...] = ()
    arrays: dict[str, list[Any]] = Field(default_factory=dict)
    sections: tuple[Section, ...] = ()

    def _repr_html_(self) -> str:
        return as_html("finding", self)


def quantity(name: str, by_subject: Sequence[np.ndarray], *, unit: str = "") -> Quantity:
    """The mean of what was measured on each task `[tasks]` of each subject.

    With one subject its interval is over tasks, and speaks of this model; with several it is over
    subjects, and speaks of the method. Of fewer than `FEWEST` there is no interval.
    """
    means = np.array([values.mean() for values in by_subject], np.float64)
    varied = means if len(means) > 1 else by_subject[0]
    measured = Quantity(
        name=name,
        value=float(means.mean()),
        unit=unit,
        n=len(varied),
        by_subject=tuple(means.tolist()),
    )
    if len(varied) < FEWEST:
        return measured
    low, high = bootstrap_interval(varied)
    return measured.model_copy(update={"low": float(low), "high": float(high)})


def judged_findings(findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """`findings` with verdicts by all their evidence, judged together."""
    pieces = judged_together({name: found.evidence for name, found in findings.items()})
    return {
        name: found.model_copy(update={"evidence": tuple(own), "verdict": verdict_of(own)})
        if (own := pieces[name])
        else found
        for name, found in findings.items()
    }
