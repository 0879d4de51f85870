"""Does the heuristic need the critique's corrections to explain what somebody does?

The steps are those at which any two candidates disagree. Two alone are compared: the plain
heuristic, and the one that searches elsewhere after failures, or is as incompetent as its context,
or both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from adfast.probes.candidates.candidate import CORRECTED, HEURISTIC, NAMES
from adfast.probes.candidates.candidate_probe import Bits, CandidateProbe, common
from adfast.probes.candidates.explained import ITSELF, Explained, best_versions, versions_explained
from adfast.probes.candidates.explained_sections import candidate_bars, candidate_table
from adfast.probes.evidence import Verdict, evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.probe import Observed
from adfast.probes.sections import Paragraph, Section
from adfast.probes.subject import Subject

# The right verdict on each known agent that is asked. What the others do is explained by neither.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "undecided",
    "heuristic": "refuted",
    "corrected-heuristic": "supported",
    "posterior-sampling": None,
    "ideal-learner": None,
    "source-algorithm": None,
    "memorised-goal": "undecided",
    "competence-mimic": "undecided",
}


class CorrectionsProbe(CandidateProbe):
    """Do the critique's corrections explain more than the heuristic without?"""

    title: ClassVar[str] = "The heuristic and its corrections"
    claim: ClassVar[str] = (
        "The heuristic with corrections explains more of what it does than the plain one."
    )
    answers: ClassVar[int | None] = 3
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED
    needed: ClassVar[tuple[str, ...]] = (HEURISTIC, CORRECTED)
    candidates: ClassVar[tuple[str, ...]] = NAMES

    margin: Bits = 0.02
    """Bits per scored step that corrections must add."""

    @property
    def rule(self) -> str:
        """What is compared, and when it counts."""
        return (
            "Scored are steps at which any two candidates differ by a total variation above "
            f"{self.disagreement:g}. Supported where the corrected heuristic explains over "
            f"{self.margin:g} bits per scored step more than the plain one, refuted where it "
            f"explains less than that. Undecided where neither explains {self.least:g} bits more "
            "than who takes any action."
        )

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """The best version with corrections beside the best one without."""
        versions = [versions_explained(each) for each in observed]
        explained = [best_versions(each) for each in versions]
        gains = [by[CORRECTED].per_step() - by[HEURISTIC].per_step() for by in explained]
        is_either = all(
            max(by[name].per_step().mean() for name in self.needed) > self.least for by in explained
        )
        gain = "corrected-heuristic less heuristic"
        unit = "bits per scored step"
        each = [by_version(by, self.needed) for by in versions]
        names = common([{name: None for name in by if name != ITSELF} for by in each])
        sections: list[Section] = [
            candidate_bars(each, names),
            candidate_table(explained, self.needed),
        ]
        if not is_either:
            sections.append(Paragraph(text="Neither explains what it does."))
        return self.finding(
            subjects,
            evidence=[evidence(gain, gains, above=self.margin, unit=unit)] if is_either else [],
            verdict=None if is_either else "undecided",
            numbers=[quantity(gain, gains, unit=unit)],
            sections=sections,
        )


def by_version(
    found: Mapping[str, Mapping[str, Explained]], candidates: Sequence[str]
) -> dict[str, Explained]:
    """What each version of these candidates explains, and who acted itself."""
    flat = {
        version: explained
        for candidate in candidates
        for version, explained in found[candidate].items()
    }
    return flat | ({ITSELF: found[ITSELF][""]} if ITSELF in found else {})
