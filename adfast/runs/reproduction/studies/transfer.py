"""Transfer: does what was learned in some tasks learn in tasks of another kind?

The critique names the test: a model of Dark Room alone, which is to learn tasks of keys and boxes.
`transfer_matrix` has the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adfast.probes.evidence import Evidence, evidence
from adfast.runs.reproduction.studies.transfer_matrix import matrices
from adfast.runs.reproduction.study_claim import (
    ClaimVerdict,
    Records,
    States,
    StudyClaim,
    gain,
    last_episodes,
    of_same_tasks,
)
from adfast.runs.reproduction.study_table import Panel, Row, StudyTable

SEEDS = (1, 2, 3, 4, 5)
LEAST = 0.1  # of what AD that was trained there earns above random; less is no learning
PUZZLES: Mapping[str, Any] = {
    "evaluation.family.name": "keys-and-boxes",
    "evaluation.family.options.interface": "dark-room",
    "evaluation.family.options.puzzles": 4024,
    "evaluation.seeds": 32,
}
HIDDEN: Mapping[str, Any] = {"evaluation.tell_rewards": False}
# Control -> its label, and what it changes of the model's evaluation there.
CONTROLS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "rewards-hidden": ("the same, rewards hidden", HIDDEN),
    "heuristic": ("heuristic", {"evaluation.agent": "heuristic"}),
    "heuristic-unvisited": (
        "heuristic, to unvisited cells",
        {
            "evaluation.agent": "heuristic",
            "evaluation.agent_options": {"explore": "unvisited"},
        },
    ),
    "corrected-heuristic": (
        "heuristic, corrected",
        {"evaluation.agent": "corrected-heuristic"},
    ),
}
RULE = (
    "Improvement is the mean of the last five episodes less the first, as a share of what AD that "
    "was trained on Keys and Boxes itself earns in its last five above random. Supported where it "
    f"is above {LEAST:g} and above that of every control on the same tasks: the same model with "
    "rewards hidden, and the heuristic with and without corrections. All these lie beyond their "
    "thresholds with their Holm-adjusted 95% intervals over tasks, and in each of the five "
    "training seeds. Refuted where one of them lies wholly on the other side."
)


def transfer() -> StudyTable:
    """The study; a part takes at most ten minutes of two cores."""
    cell = Panel("Dark Room alone, then Keys and Boxes", (MODEL, *map(control_row, CONTROLS), OWN))
    return StudyTable(
        "transfer",
        "Does it learn tasks of another kind?",
        "The critique's test is the demo's model of Dark Room, frozen, in Keys and Boxes that look "
        "like Dark Room: five training seeds. Around it a matrix of small models under one shared "
        "schema, one training seed each, without verdicts. What is observed is a number there, so "
        "that a goal of Dark Room that no training history had is a cell that nothing is known "
        "of; in Cliff Walking the spare action costs nothing, so that standing still is best. "
        "Families of pictures are left out: what is observed there is no number that a shared "
        "schema could count.",
        (cell, *matrices()),
        claims=(CLAIM,),
    )


def there(name: str, label: str, changes: Mapping[str, Any], differs: str = "") -> Row:
    """An evaluation of the demo's model, or beside it, in Keys and Boxes."""
    return Row(
        f"dark-room-to-keys-{name}",
        label,
        "dark-room",
        evaluation={**PUZZLES, **changes},
        seeds=SEEDS,
        differs=differs,
    )


def control_row(name: str) -> Row:
    """A control of that test, on the same tasks."""
    return there(name, *CONTROLS[name])


MODEL = there("ad", "trained on Dark Room", {}, "the runs are those of the baselines")
# AD of the target itself: the recipe's source is told which key is held, the model never.
OWN = Row(
    "keys-and-boxes-as-dark-room-ad",
    "trained on Keys and Boxes",
    "keys-and-boxes",
    settings={
        "family.options.interface": "dark-room",
        "family.options.held_observed": False,
        "collection.keep_every": 20,
        "training.context_length": 400,
        "training.updates": 1000,
        "evaluation.episodes": 40,
        "evaluation.seeds": 32,
        "evaluation.train_tasks": 0,
    },
    seeds=SEEDS,
    differs="1,000 updates of 32 windows of 400 transitions",
)


def evidence_of(records: Records) -> Sequence[Evidence]:
    """The improvement, and how much more it is than that of each control."""
    own = records[OWN.name]
    earned = np.mean([last_episodes(one).mean() for one in own])
    scale = float(earned - np.mean([one.references.random for one in own]))
    model = records[MODEL.name]
    pieces = [evidence("improvement", [gain(one) / scale for one in model], above=LEAST)]
    for name, (label, _) in CONTROLS.items():
        pairs = of_same_tasks(model, records[control_row(name).name])
        more = [(gain(one) - gain(control)) / scale for one, control in pairs]
        pieces.append(evidence(f"more than {label}", more, above=0.0))
    return pieces


CLAIM = StudyClaim(
    5,
    "AD that was trained on Dark Room alone learns Keys and Boxes in context, which would be "
    "strong evidence of a general algorithm.",
    RULE,
    (MODEL, *map(control_row, CONTROLS), OWN),
    evidence_of,
)


def verdict_of(states: States) -> ClaimVerdict:
    """Whether a model of Dark Room learns Keys and Boxes, by the parts that are done."""
    return CLAIM.verdict_of(states)
