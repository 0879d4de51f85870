"""Write docs/learners.md's curves and table: `python docs/show_learning_curves.py`.

Every learner learns each task of its family from scratch, again and again. What is shown stands in
`CURVES`; a further learner or family is a line there. Those of the water maze are of
`show_maze_curves.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from adfast import source_algorithms, tasks

DOCS = Path(__file__).resolve().parent
PAGE, FIGURE = DOCS / "learners.md", DOCS / "images" / "learning_curves.png"
BLOCK = re.compile(r"(?<=<!-- curves:begin -->\n).*?(?=<!-- curves:end -->)", re.DOTALL)
EPISODES = (1, 10, 25, 50, 100, 150, 200, 300, 500, 1000)
HISTORIES = 8100


@dataclass(frozen=True)
class Curve:
    """What learns what, and what others found there: the mean return by episode."""

    label: str
    learner: str
    options: Mapping[str, Any] = field(default_factory=dict)
    family: str = "dark-room"
    family_options: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[int, float] = field(default_factory=dict)
    task_ids: Sequence[int] | None = None  # all of the family's
    histories: int = HISTORIES
    episodes: int = EPISODES[-1]


QUICK = {
    "learning_rate": 0.9,
    "discount": 0.9,
    "epsilon_start": 0.1,
    "epsilon_episodes": 100,
    "initial_value": 0.05,
}
CURVES = (
    Curve(
        "Q-learning",
        "q-learning",
        known={10: 2.6, 25: 5.5, 50: 9.3, 100: 13.1, 150: 15.0, 200: 16.5, 500: 16.5, 1000: 16.5},
    ),
    Curve("Q-learning, quick", "q-learning", QUICK, known={100: 16.4}),
    Curve("SARSA", "sarsa"),
    Curve("actor-critic, 1 actor", "actor-critic", known={50: 9.0, 200: 15.3, 500: 16.5}),
    Curve(
        "actor-critic, 100 actors",
        "actor-critic",
        {
            "actors": 100,
            "n_steps": 20,
            "policy_rate": 0.01,
            "value_rate": 0.01,
            "discount": 0.99,
            "entropy_bonus": 0.01,
            "logit_decay": 0.0,
        },
    ),
    Curve(
        "Q-learning",
        "q-learning",
        QUICK | {"epsilon_start": 0.02, "epsilon_episodes": 500},
        family_options={"size": 17, "reward": "once"},
        known={1: 0.05, 10: 0.10, 25: 0.18, 50: 0.29, 100: 0.44, 200: 0.61, 500: 0.93, 1000: 1.0},
    ),
)


def measure(curve: Curve) -> np.ndarray:
    """float64 `[episodes]`: the mean return of each episode, over all histories."""
    family = tasks.make(curve.family, **curve.family_options)
    learner = source_algorithms.make(curve.learner, **curve.options)
    learners = max(curve.histories // learner.actors, 1)
    learned = np.arange(family.num_tasks) if curve.task_ids is None else np.array(curve.task_ids)
    task_ids = np.repeat(learned[np.arange(learners) % len(learned)], learner.actors)
    streams = np.arange(len(task_ids))
    returns = learner.returns(family, task_ids, streams, curve.episodes, seed=0)
    return np.asarray(returns.mean(axis=0))


def family_of(curve: Curve) -> str:
    """What the family is called, with its options."""
    options = ", ".join(f"{name} {value}" for name, value in curve.family_options.items())
    return f"{curve.family} ({options})" if options else curve.family


def table(means: list[np.ndarray]) -> str:
    """A row for each curve; what is known from elsewhere stands in brackets."""
    head = ["family", "learner", *map(str, EPISODES)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for curve, mean in zip(CURVES, means, strict=True):
        digits = 2 if mean.max() < 5 else 1
        cells = [family_of(curve), curve.label]
        for episode in EPISODES:
            known = curve.known.get(episode)
            cell = f"{mean[episode - 1]:.{digits}f}"
            cells.append(cell if known is None else f"{cell} ({known:.{digits}f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(means: list[np.ndarray]) -> None:
    """One panel for each family; dots are what is known from elsewhere."""
    families = list(dict.fromkeys(map(family_of, CURVES)))
    figure = Figure(figsize=(5.2 * len(families), 3.8), layout="constrained")
    panels = figure.subplots(1, len(families), squeeze=False)
    for family, panel in zip(families, panels[0], strict=True):
        for curve, mean in zip(CURVES, means, strict=True):
            if family_of(curve) == family:
                (line,) = panel.plot(np.arange(1, len(mean) + 1), mean, label=curve.label)
                panel.plot(curve.known.keys(), curve.known.values(), "o", color=line.get_color())
        panel.set(title=family, xscale="log", xlabel="episode", ylabel="mean return")
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Measure all, write figure and table."""
    means = [measure(curve) for curve in CURVES]
    draw(means)
    page, blocks = BLOCK.subn(lambda _: table(means), PAGE.read_text(encoding="utf-8"))
    assert blocks == 1, "learners.md has one block between curves:begin and curves:end"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
