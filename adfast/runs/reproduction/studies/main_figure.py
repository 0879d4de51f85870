"""The paper's main figure: AD, ED and RL2 beside their source; RL2 not in the water maze."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adfast.runs.reproduction.studies import published
from adfast.runs.reproduction.studies.baselines import FITTED
from adfast.runs.reproduction.studies.baselines import method_row as dark_room_row
from adfast.runs.reproduction.studies.water_maze import water_maze_panel
from adfast.runs.reproduction.study_table import Panel, Published, Row, StudyTable

METHODS = ("ad", "ed", "rl2")


@dataclass(frozen=True)
class Family:
    """A panel: its recipe, what was published of its methods and levels, and how ours differ."""

    title: str
    recipe: str
    published: Mapping[str, Published]
    levels: Mapping[str, float]
    differs: str


HARD = Family(
    "Dark Room (Hard)",
    "dark-room-hard",
    {"ad": published.HARD_AD, "ed": published.HARD_ED, "rl2": published.HARD_RL2},
    {"source, published": 0.96, "RL2, published": 0.70},
    "tabular Q-learning for A3C, every 10th episode kept, a smaller model, 100 episodes",
)
KEY_TO_DOOR = Family(
    "Dark Key-to-Door",
    "key-to-door",
    {
        "ad": published.KEY_TO_DOOR_AD,
        "ed": published.KEY_TO_DOOR_ED,
        "rl2": published.KEY_TO_DOOR_RL2,
    },
    {"source, published": 1.98, "RL2, published": 1.87},
    "tabular Q-learning that knows the key for A3C, every 4th episode kept, 100 episodes",
)
# Of UCB = 1 and random = 0, bars by eye; best arm at an odd or an even number, or anywhere.
BANDITS: dict[str, tuple[float, float, float]] = {
    "ad": (0.99, 0.84, 0.87),
    "ed": (0.49, -0.49, 0.01),
    "rl2": (1.05, -0.49, 0.84),
}
MEANS = ("odd", "even", "uniform")


def main_figure() -> StudyTable:
    """The study: Dark Room's rows are those of the baselines, the maze's those of its own study."""
    dark_room = Panel(
        "Dark Room",
        tuple(map(dark_room_row, METHODS)),
        levels={"source, published": 16.9, "RL2, published": 14.7},
    )
    return StudyTable(
        "main-figure",
        "The paper's main figure",
        "AD, expert distillation and RL2 on five families, RL2 not in the water maze; one training "
        "seed, on Dark Room and in the maze more.",
        (
            dark_room,
            family_panel(HARD),
            family_panel(KEY_TO_DOOR),
            bandit_panel(),
            water_maze_panel(),
        ),
    )


def family_panel(family: Family) -> Panel:
    """The methods on a family."""
    rows = tuple(
        Row(
            f"{family.recipe}-{method}",
            method,
            family.recipe,
            method,
            FITTED.get(method, {}),
            published=family.published[method],
            differs=family.differs if method == "ad" else "",
        )
        for method in METHODS
    )
    return Panel(family.title, rows, levels=family.levels)


def bandit_panel() -> Panel:
    """The methods on bandits of the kind that they were trained on, and on others."""
    return Panel(
        "Adversarial bandit",
        tuple(row for method in METHODS for row in bandit_rows(method)),
        axis="best arm (trained on: odd)",
        measure="share of the source",
        level_names=dict(enumerate(MEANS)),
    )


def bandit_rows(method: str) -> Iterator[Row]:
    """A method on each kind of bandits, by one training."""
    for level, (means, value) in enumerate(zip(MEANS, BANDITS[method], strict=True)):
        elsewhere = {
            "evaluation.family.name": "bandit",
            "evaluation.family.options.means": means,
            "evaluation.family.options.bandits": 34_000,
        }
        yield Row(
            f"bandit-{method}" + (f"-{means}" if level else ""),
            f"{method}, {means}",
            "bandit",
            method,
            {"evaluation.train_tasks": 0},
            elsewhere if level else {},
            level=float(level),
            series=method,
            published=Published(f"{value:g}", value=value),
            differs="new bandits in every history of training" if means == "odd" else "",
        )
