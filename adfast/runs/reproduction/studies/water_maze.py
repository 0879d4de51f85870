"""The water maze of the paper's main figure, with small pictures: AD and expert distillation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast.probes.evidence import Evidence, evidence
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.studies import published
from adfast.runs.reproduction.study_claim import Records, StudyClaim, last_episodes
from adfast.runs.reproduction.study_table import Panel, Published, Row, StudyTable

RECIPE = "water-maze"
SEEDS = (1, 2, 3, 4, 5)
EARLY, TIMES, FLAT = 10, 4.0, 0.1
PUBLISHED: dict[str, Published] = {
    "ad": published.WATER_MAZE_AD,
    "ed": published.WATER_MAZE_ED,
}
DIFFERS = (
    "pictures of 24 x 32; a table of cells for DQN; episodes end with the reward; a smaller model, "
    "60 episodes"
)
RULE = (
    f"Supported where AD's mean success in episodes 56 to 60 less {TIMES:g} times that in its "
    f"first {EARLY} episodes is above 0, and expert distillation's less that in its own first "
    f"{EARLY} below {FLAT:g}: the Holm-adjusted 95% intervals over tasks lie so, and each of the "
    "five training seeds does. Refuted where one of the intervals lies on the other side."
)


def water_maze() -> StudyTable:
    """The study; a part takes at most twenty minutes of two cores."""
    return StudyTable(
        "water-maze",
        "The water maze",
        "The last family of the paper's main figure: first-person pictures, a hidden platform, one "
        "reward in an episode.",
        (water_maze_panel(),),
        claims=(CLAIM,),
    )


def water_maze_panel() -> Panel:
    """Its methods, beside what was published of them."""
    return Panel("Water maze", tuple(map(method_row, PUBLISHED)), levels={"source, published": 1})


def method_row(method: str) -> Row:
    """A method on the water maze."""
    return Row(
        f"{RECIPE}-{method}",
        method,
        RECIPE,
        method,
        {"evaluation.train_tasks": 0},
        seeds=SEEDS,
        published=PUBLISHED[method],
        differs=DIFFERS if method == "ad" else "",
    )


def early_episodes(record: PartRecord) -> np.ndarray:
    """float64 `[rows]`: the mean of the first episodes on each task."""
    return np.asarray(record.array[:, :EARLY].mean(axis=1))


def evidence_of(records: Records) -> Sequence[Evidence]:
    """What AD comes to beside where it began, and expert distillation beside the same."""
    risen, flat = (records[method_row(method).name] for method in PUBLISHED)
    rise = [last_episodes(one) - TIMES * early_episodes(one) for one in risen]
    change = [last_episodes(one) - early_episodes(one) for one in flat]
    return [
        evidence(f"AD, late success less {TIMES:g} times the early one", rise, above=0.0),
        evidence("ED, late success less the early one", change, below=FLAT),
    ]


CLAIM = StudyClaim(
    None,
    "AD learns in context where a hidden platform is, from pictures, and expert distillation does "
    "not.",
    RULE,
    tuple(map(method_row, PUBLISHED)),
    evidence_of,
)
