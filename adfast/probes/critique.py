"""The critique of Algorithm Distillation, claim by claim, and the verdict on each.

Source: Sam Marks 2022, "Caution when interpreting Deepmind's In-context RL paper", LessWrong and AI
Alignment Forum, with its discussion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adfast.probes.evidence import Verdict, all_together
from adfast.probes.finding import Finding


@dataclass(frozen=True)
class Claim:
    """A claim by its `number`; `why_open` says why one cannot be judged, whatever is measured."""

    number: int
    sentence: str
    why_open: str = ""


CLAIMS = (
    Claim(1, "The tasks are extremely narrow: go to one unchanging cell, again and again."),
    Claim(
        2,
        "What was learned may be a heuristic alone: if the context holds a reward, go to where it "
        "was; otherwise wander.",
    ),
    Claim(
        3,
        "Corrections come on top: the more incompetent the context looks, the more incompetently "
        "it acts; where the last episode failed, it tries another region.",
    ),
    Claim(
        4,
        "Expert distillation fails because its rewards are uninformative: it picks a goal that it "
        "was trained on and keeps going there.",
    ),
    Claim(
        5,
        "After training on Dark Room alone it learns a task of another kind, such as collecting "
        "keys to unlock boxes: the critique doubts it, and would take it as strong evidence of a "
        "general algorithm.",
    ),
    Claim(
        6,
        "The context window bounds what can be learned, most of all where what happens is left to "
        "chance.",
    ),
    Claim(
        7,
        "It makes more of the same data than its source does: the discussion doubts it, since it "
        "was trained on many tasks before.",
    ),
    Claim(8, "An embedding 64 numbers wide is overkill for a dark room."),
    Claim(9, "It is bad at pretending to be bad: it does not act as badly as what it has read."),
    Claim(
        10,
        "People imagine another kind of result: train on some games, learn one that was held out.",
        "no game was held out: nothing that adfast measures today speaks to it",
    ),
)
BY_WEIGHT = (2, 3, 5, 4, 9, 1, 6, 8, 7, 10)  # what decides most of what AD is comes first


def claims_by_weight() -> tuple[Claim, ...]:
    """The claims, those that weigh most first."""
    by_number = {claim.number: claim for claim in CLAIMS}
    return tuple(by_number[number] for number in BY_WEIGHT)


def findings_on(claim: Claim, findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """The findings that speak to a claim, those that could not be made left out."""
    return {
        name: found
        for name, found in findings.items()
        if found.answers == claim.number and not found.unanswered
    }


def combined(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """What verdicts on one claim come to: it stands by all of them, and falls by any.

    None where there is none.
    """
    said = {verdict for verdict in verdicts if verdict is not None}
    return all_together(said) if said else None
