"""Agents of known kind: each probe of behaviour put to them, many times over."""

from __future__ import annotations

from adfast.runs.reproduction.study_table import Question, StudyTable

AGENTS = (
    "random", "heuristic", "corrected-heuristic", "posterior-sampling", "ideal-learner",
    "source-algorithm", "memorised-goal", "competence-mimic",
)  # fmt: skip
ASKED = {"memory": ("random", "heuristic", "memorised-goal", "competence-mimic")}
SPLITS = (11, 12, 13, 14)  # which no model is judged on
PROBES = (
    "whose-actions", "counterfactual-contexts", "corrections", "training-goal-habit",
    "competence-mimicry", "memory", "equal-data",
)  # fmt: skip


def known_agents() -> StudyTable:
    """The study; a probe takes at most twenty minutes of two cores."""
    return StudyTable(
        "known-agents",
        "Probes of agents of known kind",
        "A probe that is put to a model deserves belief as far as it is right where the answer is "
        "known. Each probe of behaviour is put to agents that were written by hand, 200 times "
        "each, on Dark Room and the demo's settings. What is right was stated beforehand, beside "
        "the probe. *Undecided* is neither right nor wrong. Below: each probe's rule, and the "
        "smallest effect that it sees, by mixtures of two agents.",
        panels=(),
        questions=tuple(map(known, PROBES)),
    )


def known(probe: str) -> Question:
    """A probe put to all agents; one that takes long, to those alone of which it is expected."""
    return Question(
        f"known-{probe}",
        "calibration",
        (),
        "agents written by hand",
        f"How often is the probe `{probe}` right, and what is the smallest effect that it sees?",
        options={"probe": probe},
        agents=ASKED.get(probe, AGENTS),
        splits=SPLITS,
    )
