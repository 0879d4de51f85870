"""Whose actions are these? What candidates explain of what somebody does, in bits.

Each candidate follows the histories that the subject made on held-out tasks, from an empty context,
and says at each step what it would have done. One noise and one version of each are fitted on
validation tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from adfast.probes.candidates.candidate import HEURISTIC, NAMES
from adfast.probes.candidates.candidate_probe import Bits, CandidateProbe, common, left_out_of
from adfast.probes.candidates.explained import (
    ITSELF,
    PAID,
    SEARCHING,
    Explained,
    best_versions,
    versions_explained,
)
from adfast.probes.candidates.explained_sections import (
    candidate_bars,
    candidate_table,
    left_out,
    with_itself,
)
from adfast.probes.evidence import Evidence, Verdict, evidence
from adfast.probes.finding import Finding, quantity
from adfast.probes.probe import Observed
from adfast.probes.subject import Subject

# The right verdict on each known agent. From an empty context a competence mimic stays, on most
# tasks, as incompetent as a random agent, and what both do is nobody's.
EXPECTED: Mapping[str, Verdict | None] = {
    "random": "undecided",
    "heuristic": "supported",
    "corrected-heuristic": "refuted",
    "posterior-sampling": "refuted",
    "ideal-learner": "refuted",
    "source-algorithm": "refuted",
    "memorised-goal": "refuted",
    "competence-mimic": "undecided",
}


class WhoseActionsProbe(CandidateProbe):
    """Who explains best what it does?"""

    title: ClassVar[str] = "Whose actions are these?"
    claim: ClassVar[str] = (
        "What it does is no more than the heuristic: no other candidate explains more of it."
    )
    answers: ClassVar[int | None] = 2
    expected: ClassVar[Mapping[str, Verdict | None]] = EXPECTED
    needed: ClassVar[tuple[str, ...]] = (HEURISTIC,)
    candidates: ClassVar[tuple[str, ...]] = NAMES

    margin: Bits = 0.1
    """Bits per scored step by which another candidate must explain more than the heuristic."""

    @property
    def rule(self) -> str:
        """What is compared, and when it counts."""
        return (
            "Candidates give each action a probability; scored are steps at which two of them "
            f"differ by a total variation above {self.disagreement:g}. In both parts, before the "
            "first reward and from then on, the heuristic is compared with the other candidate "
            "that explains most on validation tasks. Supported where in both it explains at most "
            f"{self.margin:g} bits per scored step less than that one, refuted where it explains "
            f"still less in one of them. Where no candidate explains {self.least:g} bits more than "
            "who takes any action, what it does is nobody's, and that is undecided."
        )

    def judge(self, subjects: Sequence[Subject], observed: Sequence[Observed]) -> Finding:
        """The heuristic beside the best of the others, while it searches and when it was paid."""
        explained = [best_versions(versions_explained(each)) for each in observed]
        names = tuple(name for name in common(explained) if name != ITSELF)
        best = max(names, key=lambda name: np.mean([by[name].validated() for by in explained]))
        explains = [by[best].per_step() for by in explained]
        is_somebody = min(float(tasks.mean()) for tasks in explains) > self.least
        pieces = comparisons(explained, names, self.margin) if is_somebody else []
        shown = dict.fromkeys((HEURISTIC, best, *with_itself(explained)))
        numbers = [
            quantity(name, [by[name].per_step() for by in explained], unit="bits per scored step")
            for name in shown
        ]
        lacking = left_out_of(self.candidates, explained, subjects)
        whose = f"The {best} explains most of it." if is_somebody else "These are nobody's actions."
        return self.finding(
            subjects,
            evidence=pieces,
            verdict=None if pieces else "undecided",
            numbers=numbers,
            sections=(
                candidate_bars(explained, names),
                candidate_table(explained, names),
                left_out(whose, lacking),
            ),
        )


def comparisons(
    explained: Sequence[Mapping[str, Explained]], names: Sequence[str], margin: float
) -> list[Evidence]:
    """The heuristic less the best of the others, of each part that every subject comes to."""
    pieces = []
    for part, phases in (("before the first reward", SEARCHING), ("once it was paid", PAID)):
        gaps, rivals = [], []
        for by in explained:
            others = [name for name in names if name != HEURISTIC]
            rival = max(others, key=lambda name: by[name].validated(phases))
            gaps.append(by[HEURISTIC].per_step(phases) - by[rival].per_step(phases))
            rivals.append(rival)
        if all(map(len, gaps)):
            beside = " and ".join(dict.fromkeys(rivals))
            name = f"heuristic less {beside}, {part}"
            pieces.append(evidence(name, gaps, above=-margin, unit="bits per scored step"))
    return pieces
