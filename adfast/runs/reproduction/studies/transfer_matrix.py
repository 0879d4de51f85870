"""The matrix of the study `transfer`: small models of one or several kinds of tasks, in each kind.

All models are of one shared schema and of one setting, but that those of several kinds are trained
longer. Each is deployed once, in a mixture of all kinds, on tasks that no model was trained on.

Two things are peculiar to it. What is observed is one number, so that a model meets each cell of
a room apart: goals of Dark Room that none of its training histories had are hard to go to. And
Cliff Walking has an action less than the others, so that there is a spare one, which costs nothing:
what is learned there is to stand still, and 0 is more than the optimum of its own actions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from adfast.runs.reproduction.matrix import Line, Matrix, Source
from adfast.runs.reproduction.study_table import Row

LENGTH, SIDE = 20, 7
# Kind -> options, so that rooms have as many cells and all episodes as many steps.
KINDS: Mapping[str, Mapping[str, Any]] = {
    "dark-room": {"size": SIDE},
    "dark-house": {"size": SIDE, "rooms": 4},
    "key-to-door": {"size": SIDE, "start": "centre"},
    "keys-and-boxes": {"size": SIDE, "boxed_keys": 0, "rewards": 3},
    "frozen-lake": {"size": SIDE, "is_slippery": False},
    "cliff-walking": {"rows": 4, "columns": SIDE},
    "random-world": {"states": 16},
    "bandit": {"arms": 5},
}
ROOMS = ("dark-room", "dark-house", "key-to-door", "keys-and-boxes")
TESTED = 12  # tasks of each kind, which mixtures begin with and which no training sees
GOALS = SIDE * SIDE - TESTED  # of Dark Room, all that are left
TASKS, HISTORIES = 984, 3_936  # of all that a model is trained on

TRAINING: Mapping[str, Any] = {
    "collection.episodes": 320,
    "collection.keep_every": 8,
    "collection.held_out": 1,
    "collection.validation": 1,
    "collection.options.reads": "state",
    "collection.options.learning_rate": 0.5,
    "collection.options.epsilon_episodes": 240,
    "training.context_length": 300,
    "training.evaluate_every": "none",
}
EVALUATION: Mapping[str, Any] = {
    "evaluation.episodes": 40,
    "evaluation.seeds": 4,
    "evaluation.temperature": 0.6,
    "evaluation.train_tasks": 0,
}


UPDATES, UPDATES_OF_SEVERAL = 1_000, 2_500
# What models are trained on -> which kinds.
MIXTURES: Mapping[str, tuple[str, ...]] = {
    "all": tuple(KINDS),
    "rooms": ROOMS,
    "others": tuple(kind for kind in KINDS if kind not in ROOMS),
}
BUT = {f"all-but-{kind}": tuple(k for k in KINDS if k != kind) for kind in KINDS}
TRAINED: Mapping[str, tuple[str, ...]] = {**{kind: (kind,) for kind in KINDS}, **MIXTURES, **BUT}
LABELS = {"all": "all eight", "rooms": "the four rooms", "others": "the four others"}
# Agent -> its label, and its options; they walk in square rooms, and know nothing of other kinds.
AGENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "heuristic": ("heuristic", {}),
    "corrected-heuristic": ("heuristic, corrected", {}),
}


def tasks_of(kinds: Collection[str]) -> dict[str, int]:
    """How many tasks of each kind a model of these kinds is trained on."""
    if len(kinds) == 1:
        return {kind: GOALS if kind == "dark-room" else TASKS for kind in kinds}
    goals = GOALS if "dark-room" in kinds else 0
    others = (TASKS - goals) // sum(kind != "dark-room" for kind in kinds)
    return {kind: GOALS if kind == "dark-room" else others for kind in kinds}


def mixture(tasks: Mapping[str, int], skip: int) -> dict[str, Any]:
    """Options of a mixture of so many tasks of each kind, behind the first `skip` of each."""
    members = [
        {
            "name": kind,
            "options": {"episode_length": LENGTH, **options},
            "weight": float(tasks.get(kind, 0)),
            "skip": skip,
        }
        for kind, options in KINDS.items()
    ]
    return {"members": members, "tasks": sum(tasks.values())}


def training_of(name: str) -> dict[str, Any]:
    """The settings of a run whose model is trained on the kinds `name`."""
    kinds = TRAINED[name]
    tasks = tasks_of(kinds)
    return {
        **{f"family.options.{key}": value for key, value in mixture(tasks, TESTED).items()},
        **TRAINING,
        "collection.histories_per_task": HISTORIES // sum(tasks.values()),
        "training.updates": UPDATES if len(kinds) == 1 else UPDATES_OF_SEVERAL,
    }


def everywhere(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an evaluation on the first tasks of each kind."""
    tested = mixture(dict.fromkeys(KINDS, TESTED), 0)
    return {
        "evaluation.family.name": "mixture",
        **{f"evaluation.family.options.{key}": value for key, value in tested.items()},
        "evaluation.family_tasks": tested["tasks"],
        **EVALUATION,
        **changes,
    }


def trained_row(name: str, *, tell_rewards: bool = True) -> Row:
    """A model of the kinds `name`, in all kinds."""
    hidden = {} if tell_rewards else {"evaluation.tell_rewards": False}
    return Row(
        f"transfer-{name}" if tell_rewards else f"transfer-{name}-rewards-hidden",
        label_of(name),
        "mixture",
        settings=training_of(name),
        evaluation=everywhere(hidden),
    )


def label_of(name: str) -> str:
    """What the line of a model is called."""
    if name in BUT:
        return f"all but {name.removeprefix('all-but-')}"
    return LABELS.get(name, name)


def random_row() -> Row:
    """Random actions in all kinds, beside a run that is never trained."""
    return Row(
        "transfer-random",
        "random",
        "mixture",
        settings=training_of("all"),
        evaluation=everywhere({"evaluation.agent": "random"}),
    )


def agent_row(agent: str, kind: str) -> Row:
    """An agent written by hand, on other tasks of a kind, beside a run that is never trained."""
    label, options = AGENTS[agent]
    rooms = {f"family.options.{key}": value for key, value in KINDS[kind].items()}
    return Row(
        f"transfer-{agent}-in-{kind}",
        label,
        "dark-room",
        settings={
            "family.name": kind,
            **rooms,
            "family.options.episode_length": LENGTH,
            "collection.held_out": TESTED,
            "collection.live": True,  # nothing is collected, so no disk need have room for it
        },
        evaluation={
            **EVALUATION,
            "evaluation.agent": agent,
            "evaluation.agent_options": dict(options),
        },
    )


def read_of(row: Row, kind: str) -> Source:
    """The tasks of a kind in a row that was deployed everywhere."""
    first = TESTED * list(KINDS).index(kind)
    return Source(row, first, first + TESTED)


def line_of(row: Row) -> Line:
    """The line of a row that was deployed everywhere."""
    return Line(row.label, {kind: read_of(row, kind) for kind in KINDS})


def matrices() -> Iterator[Matrix]:
    """What models improve by, and the same models with rewards hidden."""
    agents = [
        Line(label, {kind: Source(agent_row(agent, kind)) for kind in ROOMS})
        for agent, (label, _) in AGENTS.items()
    ]
    told = [line_of(trained_row(name)) for name in TRAINED]
    hidden = [line_of(trained_row(name, tell_rewards=False)) for name in TRAINED]
    yield matrix("Trained on one kind or several, deployed on each", [*told, *agents])
    yield matrix("The same models, rewards hidden", hidden)


def matrix(title: str, lines: list[Line]) -> Matrix:
    """A matrix of these lines."""
    own = {kind: read_of(trained_row(kind), kind) for kind in KINDS}
    random = {kind: read_of(random_row(), kind) for kind in KINDS}
    sources = [source for line in lines for source in line.fields.values()]
    needed = [source.row for source in (*sources, *own.values(), *random.values())]
    return Matrix(
        title,
        tuple({row.name: row for row in needed}.values()),
        lines=tuple(lines),
        columns=tuple(KINDS),
        own=own,
        random=random,
    )
