"""Finished runs with plausible contents, made up without training anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from adfast.runs.files.run_files import settings_text
from adfast.runs.recipe.from_recipe import make_family, make_split
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import changed

SEEDS, STEPS, UPDATES = 2, 10, 40
BASE = {
    "family": {"name": "dark-room", "options": {"size": 5, "episode_length": STEPS}},
    "collection": {
        "held_out": 5, "validation": 3, "histories_per_task": 4, "episodes": 80, "keep_every": 8,
    },
    "training": {"updates": UPDATES, "batch_size": 16, "context_length": 20},
    "evaluation": {"episodes": 12, "seeds": SEEDS},
}  # fmt: skip


def write_run(
    path: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    *,
    level: float = 4.0,
    seconds: float = 60.0,
) -> Path:
    """A run that rises to `level` within its episodes; returns its directory."""
    changes = {"seed": seed, "collection.split_seed": seed} | dict(settings or {})
    recipe = changed(Recipe.from_mapping(BASE, source="base"), changes)
    path.mkdir(parents=True)
    (path / "run.toml").write_bytes(settings_text(recipe))
    task_ids = make_split(recipe, make_family(recipe)).held_out
    write_evaluation(path, recipe, task_ids, level)
    rows = (
        {
            "version": 1, "update": update, "tokens": update * 320, "loss": 1.0, "accuracy": 0.5,
            "environment_transitions": update * 320, "learning_rate": 0.01,
            "seconds": seconds * update / UPDATES,
            **({"validation_return": level * update / UPDATES + 0.1 * seed} if update % 8 == 0
               else {}),
        }
        for update in range(4, UPDATES + 1, 4)
    )  # fmt: skip
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "attention.safetensors").touch()
    stages = {
        "collect": {"seconds": 1.0, "transitions": 17 * 4 * 10 * STEPS, "not_stored": 0},
        "train": {"seconds": seconds},
        "evaluate": {"seconds": 3.0},
    }
    (path / "provenance.json").write_text(json.dumps({"version": 2, "stages": stages}))
    return path


def write_evaluation(path: Path, recipe: Recipe, task_ids: np.ndarray, level: float) -> None:
    """`evaluation.json` and the trajectories of what is finished in a run's directory."""
    episodes, tasks = recipe.evaluation.episodes, len(task_ids)
    generator = np.random.default_rng(recipe.seed)
    rise = level * np.minimum(np.arange(1, episodes + 1) / 6, 1)
    returns = rise + generator.normal(0, 0.5, (tasks, SEEDS, episodes))
    mean = returns.mean(axis=(0, 1))
    last = returns[:, :, -5:].mean(axis=(1, 2))
    source = np.minimum(np.arange(episodes * recipe.collection.keep_every) / 60, 1) * 7
    optimal = make_family(recipe).optimal_return(task_ids)
    content = {
        "version": 3,
        "family": recipe.family.model_dump(),
        "temperature": 1.0,
        "episodes": episodes,
        "episode_length": STEPS,
        "seeds": SEEDS,
        "evaluated": {
            "task_ids": task_ids.tolist(),
            "returns": returns.tolist(),
            "optimal": optimal.tolist(),
        },
        "references": {
            "random": 0.4,
            "optimal": float(optimal.mean()),
            "source": source[:episodes].tolist(),
            "source_every_kth": source[:: recipe.collection.keep_every].tolist(),
        },
        "summary": {
            "mean_by_episode": mean.tolist(),
            "ci95_by_episode": [[value - 0.3, value + 0.3] for value in mean.tolist()],
            "last5_mean": float(last.mean()),
            "last5_ci95": [float(last.mean()) - 0.3, float(last.mean()) + 0.3],
            "last5_share_of_optimal": float(last.mean() / optimal.mean()),
        },
        "per_task": [
            {
                "task_id": int(task),
                "label": f"task {task}",
                "optimal": float(optimal[index]),
                "first_episode": 0.0,
                "last5_mean": float(last[index]),
                "share_of_optimal": float(last[index] / optimal[index]),
                "solved": False,
            }
            for index, task in enumerate(task_ids)
        ],
        "solved_share": 0.8,
    }
    (path / "evaluation.json").write_text(json.dumps(content))
    axes = (tasks, SEEDS, episodes)
    trajectories = {
        "observation": np.zeros((*axes, STEPS + 1, 2), np.uint8),
        "action": np.zeros((*axes, STEPS), np.uint8),
        "reward": np.zeros((*axes, STEPS), np.uint8),
        "length": np.full(axes, STEPS, np.int32),
        "boundary": np.full(axes, 2, np.uint8),
    }
    save_file(trajectories, path / "trajectories.safetensors")


ED = {"collection.algorithm": "optimal"}


def write_seeds(folder: Path, *seeds: int, **options: Any) -> Path:
    """A folder of runs of several seeds; returns it."""
    for seed in seeds:
        write_run(folder / f"seed-{seed}", seed, **options)
    return folder
