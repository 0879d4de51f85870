"""The baselines: every method, and every agent written by hand, on Dark Room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adfast.runs.recipe.methods import METHODS
from adfast.runs.reproduction.studies import published
from adfast.runs.reproduction.study_table import Panel, Published, Row, StudyTable

RECIPE = "dark-room"
FEW, MANY = (1, 2, 3), (1, 2, 3, 4, 5)
OF_MANY = ("ad", "ed")
PUBLISHED: dict[str, Published] = {
    "ad": published.DARK_ROOM_AD,
    "ed": published.DARK_ROOM_ED,
    "rl2": published.DARK_ROOM_RL2,
    "dpt": published.DPT,
}
DIFFERS = {
    "ad": "tabular Q-learning for A3C, every 8th episode kept, a smaller model, 40 episodes",
    "ed": "experts are the optimum, not the source after its learning; else as AD",
    "rl2": "PPO for A3C and a GRU, 10^8 steps for 10^9; trials of ten episodes, here forty",
    "dpt": "9 x 9 and 20 steps; contexts and queries of random walks, not of any cells",
}
# Method -> what it needs beside the recipe.
FITTED: dict[str, dict[str, Any]] = {
    # Its histories are ten episodes long; an update sees as many transitions as any other's.
    "ad-of-ideal": {"training.batch_size": 32},
    # By validation tasks: it earns less when asked for more, as for the best of its histories, 20.
    "return-conditioned": {"evaluation.target_return": 12.0},
    "rl2": {"rl2.steps": 100_000_000},
}
# Panel -> its methods beside AD; what is in none of them is in the last.
GROUPS = {
    "What the histories are of": (
        "ed", "ad-annealed-expert", "ad-single-stream", "ad-of-posterior-sampling", "ad-of-ideal",
    ),
    "What of the histories is read": (
        "ad-shuffled", "ad-no-reward", "ad-foreign-reward", "ad-every-k",
    ),
    "Other ways to learn in context": ("rl2", "dpt", "return-conditioned"),
}  # fmt: skip
AGENTS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "Agents that know what learning is": {
        "source": ("source-algorithm", {}),
        "posterior-sampling": ("posterior-sampling", {}),
        "ideal-learner": ("ideal-learner", {}),
        "memorised-goal": ("memorised-goal", {}),
        "random": ("random", {}),
    },
    "The critique's heuristic": {
        "heuristic-uniform": ("heuristic", {"explore": "uniform"}),
        "heuristic-unvisited": ("heuristic", {"explore": "unvisited"}),
        "heuristic-as-source": ("heuristic", {"explore": "source-first-episode"}),
        "corrected-heuristic": ("corrected-heuristic", {}),
        "competence-mimic": ("competence-mimic", {}),
    },
}


def baselines() -> StudyTable:
    """The study, with all methods that there are."""
    ad = method_row("ad")
    return StudyTable(
        "baselines",
        "Baselines on Dark Room",
        "All methods of one recipe, by the same code on the same splits.",
        (*method_panels(ad), training_panel(), *agent_panels(ad)),
    )


def method_panels(ad: Row) -> Iterator[Panel]:
    """Each group of methods beside AD."""
    grouped = {"ad", *(name for names in GROUPS.values() for name in names)}
    others = [name for name in METHODS if name not in grouped]
    levels = {"source, published": 16.9, "RL2, published": 14.7}
    for number, (title, names) in enumerate(GROUPS.items(), start=1):
        listed = [*names, *(others if number == len(GROUPS) else ())]
        yield Panel(title, (ad, *map(method_row, listed)), levels=levels)


def training_panel() -> Panel:
    """RL2 by the steps that it has taken, which no other method takes itself."""
    levels = {"RL2 after 10^9 steps, published": 14.7}
    return Panel("RL2 while training", (method_row("rl2"),), levels=levels, while_training=True)


def method_row(method: str) -> Row:
    """A method on this recipe."""
    return Row(
        f"{RECIPE}-{method}",
        method,
        RECIPE,
        method,
        FITTED.get(method, {}),
        seeds=MANY if method in OF_MANY else FEW,
        published=PUBLISHED.get(method),
        differs=DIFFERS.get(method, ""),
    )


def agent_panels(ad: Row) -> Iterator[Panel]:
    """Each group of agents beside AD."""
    for title, agents in AGENTS.items():
        rows = [agent_row(name, agent, options) for name, (agent, options) in agents.items()]
        yield Panel(title, (ad, *rows))


def agent_row(name: str, agent: str, options: dict[str, Any]) -> Row:
    """An agent on the tasks that AD is evaluated on; nothing is trained for it."""
    evaluation = {"evaluation.agent": agent, "evaluation.agent_options": options}
    return Row(
        f"{RECIPE}-{name}",
        name,
        RECIPE,
        evaluation=evaluation,
        seeds=FEW,
        published=published.DARK_ROOM_SOURCE if name == "source" else None,
        differs="tabular Q-learning for A3C, its first 40 episodes" if name == "source" else "",
    )
