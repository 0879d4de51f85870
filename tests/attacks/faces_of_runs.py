"""Where values enter runs, their recipes and their pages, and tasks that are environments."""

from __future__ import annotations

from typing import Any

import gymnasium

from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
from adfast.report import replay, write_report
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.run import Run
from adfast.runs.study import Study
from adfast.simulators.space_encoding import SpaceEncoding
from attacks.face import Face
from attacks.faces_of_settings import settings_face

LAKE = gymnasium.make("FrozenLake-v1")
LAKE_SCHEMA = SpaceEncoding(LAKE.observation_space, LAKE.action_space).schema(100)


def of_the_recipe(_: Any, a: dict[str, Any], run: Run) -> bool:
    return run.recipe.seed == a["settings"].get("seed", 0)


CREATE = Face(
    "Run.create",
    arguments=lambda _, rng: {
        "recipe": "dark-room",
        "path": "/dev/null",  # no directory, so that no run begins
        "settings": {"seed": 1, "training.updates": 3},
        "fresh": False,
        "progress": False,
    },
    call=lambda _, a: Run.create(**a),
    check=of_the_recipe,
    attacked=("recipe", "settings", "fresh", "progress"),
    weight=2,
)
OPEN = Face(
    "Run.open",
    arguments=lambda _, rng: {"path": "/dev/null/none"},
    call=lambda _, a: Run.open(**a, progress=False),
    check=lambda *_: False,  # nothing is a run
    weight=1,
)
STUDY = Face(
    "Study.create",
    subject=lambda: None,
    arguments=lambda _, rng: {
        "parts": {"usual": "dark-room", "other": Recipe(seed=1)},
        "path": "/dev/null",
        "progress": False,
    },
    call=lambda _, a: Study.create(**a),
    check=lambda *_: False,  # no directory, so that no study begins
    attacked=("parts", "progress"),
    weight=1,
)
WRITE_REPORT = Face(
    "write_report",
    arguments=lambda _, rng: {"run": "/dev/null/none"},
    call=lambda _, a: write_report(a["run"]),
    check=lambda *_: False,
    weight=1,
)
REPLAY = Face(
    "replay",
    arguments=lambda _, rng: {"run": "/dev/null/none"},
    call=lambda _, a: replay(a["run"]),
    check=lambda *_: False,
    weight=1,
)
ENVIRONMENT_TASKS = Face(
    "EnvironmentTasks",
    arguments=lambda _, rng: {
        "environment_id": "FrozenLake-v1",
        "arguments": [{"is_slippery": False}, {}],
        "schema": LAKE_SCHEMA,
    },
    call=lambda _, a: EnvironmentTasks(**a),
    check=lambda _, a, tasks: tasks.num_tasks == len(a["arguments"]),
    weight=1,
)
FACES = [settings_face(Recipe), CREATE, OPEN, STUDY, WRITE_REPORT, REPLAY, ENVIRONMENT_TASKS]
