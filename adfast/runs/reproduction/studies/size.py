"""Size: what a model of the demo earns in Dark Room, by its width, its layers and its heads.

One of them is varied at a time; all else is the demo's recipe, and each panel has the demo itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adfast.probes.evidence import Evidence, evidence
from adfast.runs.reproduction.study_claim import (
    ClaimVerdict,
    Records,
    States,
    StudyClaim,
    last_episodes,
    of_same_tasks,
)
from adfast.runs.reproduction.study_table import Panel, Row, StudyTable

RECIPE = "dark-room"
SEEDS = (1, 2, 3, 4, 5)
HEAD = 16  # channels, as the demo's heads have
SMALL, FULL, SHARE = 16, 64, 0.95
WIDTHS = (4, 8, SMALL, 32, FULL)
RULE = (
    f"Supported where a width of {SMALL} earns at least {SHARE:.0%} of what {FULL} earns in the "
    "last five episodes, on the same goals: the Holm-adjusted 95% interval over tasks of what the "
    f"small model earns less {SHARE:.0%} of what the large one does lies above 0, and each of the "
    "five training seeds does. Refuted where it lies below."
)


def size() -> StudyTable:
    """The study; a part takes at most three minutes of two cores."""
    return StudyTable(
        "size",
        "How small may the model be?",
        "Dark Room by the demo's recipe, with one thing varied at a time; the mean of episodes 36 "
        "to 40. The demo's own model has a width of 64, two layers and four heads.",
        (
            Panel("Width", tuple(map(width_row, WIDTHS)), axis="width"),
            varied("Layers", "layers", (1, 2, 3, 4), lambda n: {"model.num_layers": n}),
            varied("Heads", "heads", (1, 2, 4, 8), lambda n: {"model.num_heads": n}),
        ),
        claims=(CLAIM,),
    )


def width_row(width: int) -> Row:
    """A width; heads are of 16 channels, as the demo's are, or one of less."""
    return Row(
        f"{RECIPE}-width-{width}",
        f"{width}",
        RECIPE,
        settings={"model.width": width, "model.num_heads": max(1, width // HEAD)},
        seeds=SEEDS,
        level=float(width),
        differs="heads of 16 channels, below that one head" if width == WIDTHS[0] else "",
    )


def varied(
    title: str,
    name: str,
    levels: Iterable[int],
    settings_at: Callable[[int], Mapping[str, Any]],
) -> Panel:
    """A panel with a row for each level."""
    rows = tuple(
        Row(
            f"{RECIPE}-{name}-{level}",
            f"{level}",
            RECIPE,
            settings=dict(settings_at(level)),
            seeds=SEEDS,
            level=float(level),
        )
        for level in levels
    )
    return Panel(title, rows, axis=name)


def evidence_of(records: Records) -> Sequence[Evidence]:
    """What the small model earns more than its share of the large one, goal by goal."""
    small, large = (records[width_row(width).name] for width in (SMALL, FULL))
    more = [
        last_episodes(one) - SHARE * last_episodes(other)
        for one, other in of_same_tasks(small, large)
    ]
    return [evidence(f"width {SMALL} less {SHARE:.0%} of width {FULL}", more, above=0.0)]


CLAIM = StudyClaim(
    8,
    "A 64-wide embedding is overkill for a dark room.",
    RULE,
    (width_row(SMALL), width_row(FULL)),
    evidence_of,
)


def verdict_of(states: States) -> ClaimVerdict:
    """Whether a width of 64 is more than is needed, by the parts that are done."""
    return CLAIM.verdict_of(states)
