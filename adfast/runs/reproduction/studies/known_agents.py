"""Agents of known kind: each probe of behaviour put to them, many times over."""

from __future__ import annotations

from collections.abc import Iterator

from adfast.runs.reproduction.study_table import Question, StudyTable

AGENTS = (
    "random", "heuristic", "corrected-heuristic", "posterior-sampling", "ideal-learner",
    "source-algorithm", "memorised-goal", "competence-mimic",
)  # fmt: skip
# Of whom something is expected, where that is not of all; and one that only `memory` needs.
ASKED = {
    "memory": ("random", "heuristic", "late-heuristic", "memorised-goal", "competence-mimic"),
    "corrections": (
        "random", "heuristic", "corrected-heuristic", "memorised-goal", "competence-mimic",
    ),
}  # fmt: skip
# A probe that takes longer than a part may is asked in several; mixtures are of the first one's.
FURTHER_PARTS = {
    "whose-actions": (
        ("corrected-heuristic", "posterior-sampling", "ideal-learner"),
        ("source-algorithm", "competence-mimic"),
    ),
    "corrections": (("random", "memorised-goal", "competence-mimic"),),
}  # fmt: skip
SPLITS = (11, 12, 13, 14)  # which no model is judged on
PROBES = (
    "whose-actions", "counterfactual-contexts", "corrections", "training-goal-habit",
    "competence-mimicry", "memory", "equal-data",
)  # fmt: skip


def known_agents() -> StudyTable:
    """The study; a part takes at most twenty minutes of two cores."""
    return StudyTable(
        "known-agents",
        "Probes of agents of known kind",
        "A probe that is put to a model deserves belief as far as it is right where the answer is "
        "known. Each probe of behaviour is put to agents that were written by hand, 200 times "
        "each, on Dark Room and the demo's settings. What is right was stated beforehand, beside "
        "the probe. *Undecided* is neither right nor wrong. Below: each probe's rule, and the "
        "smallest effect that it sees, by mixtures of two agents.",
        panels=(),
        questions=tuple(question for probe in PROBES for question in known(probe)),
    )


def known(probe: str) -> Iterator[Question]:
    """A probe put to all agents of whom its answer is known, in one part or several."""
    further = FURTHER_PARTS.get(probe, ())
    elsewhere = {name for names in further for name in names}
    first = tuple(name for name in ASKED.get(probe, AGENTS) if name not in elsewhere)
    for number, agents in enumerate((first, *further), start=1):
        yield Question(
            f"known-{probe}" + (f"-{number}" if number > 1 else ""),
            "calibration",
            (),
            "agents written by hand",
            f"How often is the probe `{probe}` right, and what is the smallest effect that it "
            "sees?",
            options={"probe": probe},
            agents=agents,
            splits=SPLITS,
        )
