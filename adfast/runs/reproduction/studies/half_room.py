"""Half a room: trained on goals of the left half, tested on goals of the right one.

The critique's heuristic needs nothing that differs between the halves; who has learned where goals
are does not find those of the other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adfast.probes.evidence import Evidence, evidence
from adfast.runs.reproduction.study_claim import (
    ClaimVerdict,
    Records,
    States,
    StudyClaim,
    last_episodes,
)
from adfast.runs.reproduction.study_table import Panel, Published, Row, StudyTable

SEEDS = (1, 2, 3, 4, 5)
LEAKS = (0, 1, 3, 10, 30)
LEAST = 0.5  # of the optimum
# Of 36 goals on the right 30 may leak, so that as many are tested whatever leaks. There are fewer
# goals to train on than in the demo, and half its updates are enough for them.
SETTINGS: Mapping[str, Any] = {
    "collection.split": "half-room",
    "collection.held_out": 5,
    "collection.validation": 1,
    "training.updates": 1100,
    "training.evaluate_every": "none",
    "evaluation.seeds": 16,
    "evaluation.train_tasks": 5,
}
PUBLISHED = Published("0.6 of AD, left out of the paper; of what is not said")
RULE = (
    "Supported where, with no goal of the right half leaked, the mean of the last five episodes "
    f"on goals of the right half is above {LEAST:.0%} of the optimum: the Holm-adjusted 95% "
    "interval over tasks lies above, and each of the five training seeds does. Refuted where it "
    "lies below."
)


def half_room() -> StudyTable:
    """The study; a part takes at most three minutes of one core."""
    panel = Panel(
        "Goals of the other half",
        tuple(map(leak_row, LEAKS)),
        axis="goals of the right half that were trained on",
    )
    return StudyTable(
        "half-room",
        "Half a room",
        "Dark Room, trained on goals left of the middle column and a leak of so many goals right "
        "of it, tested on five other goals right of it.",
        (panel,),
        claims=(CLAIM,),
    )


def leak_row(leak: int) -> Row:
    """So many goals of the right half leaked."""
    return Row(
        f"half-room-leak-{leak}",
        f"{leak}",
        "dark-room",
        settings={**SETTINGS, "collection.leak": leak},
        seeds=SEEDS,
        level=float(leak),
        published=PUBLISHED if leak == 1 else None,
        differs="half the demo's updates; histories in proportion to goals" if leak == 0 else "",
    )


def evidence_of(records: Records) -> Sequence[Evidence]:
    """What is earned in the other half without a leak, as a share of the optimum."""
    name = leak_row(0).name
    shares = [last_episodes(one) / one.optimal for one in records[name] if one.optimal]
    return [evidence("share of the optimum in the other half", shares, above=LEAST)]


CLAIM = StudyClaim(
    None,
    "What AD learned of goals on the left holds for goals on the right.",
    RULE,
    (leak_row(0),),
    evidence_of,
)


def verdict_of(states: States) -> ClaimVerdict:
    """Whether what was learned in one half holds in the other, by the parts that are done."""
    return CLAIM.verdict_of(states)
