"""A run directory with plausible contents, made up without training anything.

The rollouts walk for real: at random until the goal is found, later straight to it, so that
trajectories, returns and summary agree with each other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from adfast.probes.attended.record import exemplary_runs

SIZE, STEPS, EPISODES, SEEDS = 9, 20, 40, 4
HELD_OUT = (2, 5, 10, 16, 20, 24, 33, 39, 44, 47, 55, 58, 63, 68, 74, 80)
TRAIN = (0, 13, 30, 41, 52, 77)
LAYERS, HEADS, KEPT = 2, 2, 8
MOVES = ((0, 0), (-1, 0), (0, 1), (1, 0), (0, -1))


def optimum(task_id: int) -> float:
    row, column = divmod(task_id, SIZE)
    distance = abs(row - SIZE // 2) + abs(column - SIZE // 2)
    return float(STEPS - max(distance, 1) + 1)


def rollouts(
    task_ids: tuple[int, ...], unsolved: set[int], generator: np.random.Generator
) -> dict[str, np.ndarray]:
    axes = (len(task_ids), SEEDS, EPISODES)
    observation = np.zeros((*axes, STEPS + 1, 2), np.uint8)
    action = np.zeros((*axes, STEPS), np.uint8)
    reward = np.zeros((*axes, STEPS), np.uint8)
    for task, seed in np.ndindex(*axes[:2]):
        goal = divmod(task_ids[task], SIZE)
        found = 0
        for episode in range(EPISODES):
            row = column = SIZE // 2
            observation[task, seed, episode, 0] = row, column
            hits = 0
            for step in range(STEPS):
                skill = 0.0 if task_ids[task] in unsolved else min(found * 0.18, 0.97)
                if generator.random() < skill:
                    down, right = goal[0] - row, goal[1] - column
                    ways = [3 if down > 0 else 1] * abs(down) + [2 if right > 0 else 4] * abs(right)
                    move = int(generator.choice(ways)) if ways else 0
                else:
                    move = int(generator.integers(1, 5))
                row = min(max(row + MOVES[move][0], 0), SIZE - 1)
                column = min(max(column + MOVES[move][1], 0), SIZE - 1)
                observation[task, seed, episode, step + 1] = row, column
                action[task, seed, episode, step] = move
                reward[task, seed, episode, step] = (row, column) == goal
                hits += (row, column) == goal
            found += hits > 0 or episode > 8
    return {
        "observation": observation,
        "action": action,
        "reward": reward,
        "length": np.full(axes, STEPS, np.int32),
        "boundary": np.full(axes, 2, np.uint8),
    }


def attention_of(held_out: dict[str, np.ndarray], share: np.ndarray) -> dict[str, np.ndarray]:
    """Head 0 spreads over what it sees of the `KEPT` latest moments, head 1 looks at the newest.

    `share` `[tasks]` is what the tasks reach of their optimum.
    """
    runs = exemplary_runs(share, held_out["reward"].sum(axis=-1, dtype=np.float64))
    transitions = EPISODES * STEPS
    age = np.minimum(np.arange(KEPT), np.arange(transitions)[:, None])
    is_visible = np.arange(KEPT) <= np.arange(transitions)[:, None]
    percent = np.zeros((len(runs), transitions, LAYERS, HEADS, KEPT), np.uint8)
    percent[:, :, :, 0] = np.where(is_visible, 12, 0)[:, None]  # of eight: 96
    percent[:, :, 0, 1, 0] = 90
    percent[:, :, 1, 1, 0] = 40
    role, task, seed = np.array(runs).T.copy()
    shape = (len(runs), transitions, LAYERS, KEPT)
    return {
        "window": np.array([0, 200]),
        "role": role.astype(np.uint8),
        "task": task,
        "seed": seed,
        "age": np.ascontiguousarray(np.broadcast_to(age[:, None], shape), np.uint16),
        "percent": percent,
    }


def evaluation_of(held_out: np.ndarray, train: np.ndarray) -> dict[str, Any]:
    """`evaluation.json` for returns `[tasks, seeds, episodes]`."""
    by_episode = held_out.mean(axis=(0, 1))
    spread = held_out.mean(axis=1).std(axis=0) / np.sqrt(len(HELD_OUT))
    optimal = np.array([optimum(task) for task in HELD_OUT])
    last = held_out[:, :, -5:].mean(axis=(1, 2))
    source = 16.5 / (1 + np.exp(-(np.arange(1, 201) - 65) / 22))
    learner = [2.6, 6.84, 10.99, 14.99] + [16.54] * (EPISODES - 4)
    return {
        "family": {"name": "dark-room", "options": {"size": SIZE, "episode_length": STEPS}},
        "temperature": 1.0,
        "episodes": EPISODES,
        "seeds": SEEDS,
        "episode_length": STEPS,
        "evaluated": {
            "task_ids": list(HELD_OUT),
            "returns": held_out.tolist(),
            "optimal": optimal.tolist(),
        },
        "train": {
            "task_ids": list(TRAIN),
            "returns": train.tolist(),
            "optimal": [optimum(task) for task in TRAIN],
        },
        "references": {
            "random": 0.247,
            "optimal": float(optimal.mean()),
            "source": source[:EPISODES].tolist(),
            "source_every_kth": source[::8].tolist(),
            "ideal_learner": learner,
        },
        "receptive_field_transitions": None,
        "trained_context_transitions": 200,
        "summary": {
            "mean_by_episode": by_episode.tolist(),
            "ci95_by_episode": [
                [max(mean - 2 * width, 0.0), mean + 2 * width]
                for mean, width in zip(by_episode.tolist(), spread.tolist(), strict=True)
            ],
            "iqm_by_episode": np.median(held_out.mean(axis=1), axis=0).tolist(),
            "first_episode_mean": float(by_episode[0]),
            "last5_mean": float(last.mean()),
            "last5_ci95": [float(last.mean()) - 0.9, float(last.mean()) + 0.7],
            "last5_share_of_optimal": float((last / optimal).mean()),
        },
        "per_task": [
            {
                "task_id": task,
                "label": f"row {task // SIZE}, column {task % SIZE}",
                "optimal": float(optimal[index]),
                "first_episode": float(held_out[index, :, 0].mean()),
                "last5_mean": float(last[index]),
                "share_of_optimal": float(last[index] / optimal[index]),
                "solved": bool(last[index] >= 0.8 * optimal[index]),
            }
            for index, task in enumerate(HELD_OUT)
        ],
        "solved_share": 0.8,
    }


def metrics_lines(updates: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    lines = []
    for update in range(5, updates + 1, 5):
        progress = 1 - np.exp(-update / 150)
        line = {
            "update": update,
            "tokens": update * 6400,
            "environment_transitions": update * 6400,
            "seconds": round(update * 0.197, 3),
            "loss": float(1.6 - 1.02 * progress + 0.02 * generator.standard_normal()),
            "accuracy": float(0.2 + 0.55 * progress + 0.01 * generator.standard_normal()),
            "learning_rate": 0.02 * min(1.0, 2 * (1 - update / updates)),
        }
        if update % 100 == 0:
            line["validation_return"] = float(15 * (1 - np.exp(-((update / 260) ** 2))))
        lines.append(line)
    return lines


CONFIGURATION = """\
[family]
name = "dark-room"
size = 9
episode_length = 20

[collection]
algorithm = "q-learning"
histories_per_task = 100
episodes = 200
keep_every = 8
fresh_transitions_per_update = "none"

[model]
width = 64
layers = 2
heads = 2
position_encoding = "none"

[training]
updates = 600
batch_size = 32
context_length = 200

[evaluation]
held_out = 16
episodes = 40
seeds = 4
temperature = 1.0
"""

PROVENANCE = {
    "commit": "10aab33f0c5e1d2b3a4c5d6e7f8091a2b3c4d5e6",
    "versions": {"adfast": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.0"},
    "processor": "Intel Xeon (Sapphire Rapids)",
    "cores": 2,
    "attention_backend": "cpu",
    "threads": 2,
    "stages": {
        "collect": {"seconds": 4.1},
        "train": {"seconds": 118.4},
        "evaluate": {"seconds": 9.2},
    },
}


def write_synthetic_run(directory: Path) -> Path:
    """Fill `directory` like a finished run; returns it."""
    generator = np.random.default_rng(7)
    directory.mkdir(parents=True, exist_ok=True)
    held_out = rollouts(HELD_OUT, {74}, generator)
    train = rollouts(TRAIN, set(), generator)
    returns = held_out["reward"].sum(axis=-1, dtype=np.float64)
    evaluation = evaluation_of(returns, train["reward"].sum(axis=-1, dtype=np.float64))
    (directory / "evaluation.json").write_text(json.dumps(evaluation))
    lines = metrics_lines(600, generator)
    (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    save_file(held_out, directory / "trajectories.safetensors")
    share = np.array([row["share_of_optimal"] for row in evaluation["per_task"]])
    save_file(attention_of(held_out, share), directory / "attention.safetensors")
    (directory / "run.toml").write_text(CONFIGURATION)
    (directory / "provenance.json").write_text(json.dumps(PROVENANCE))
    return directory


def edit_evaluation(directory: Path, path: str, value: Any) -> None:
    """Set one dotted entry of `evaluation.json`."""
    file = directory / "evaluation.json"
    evaluation = json.loads(file.read_text())
    *parents, last = path.split(".")
    nested = evaluation
    for key in parents:
        nested = nested[int(key)] if isinstance(nested, list) else nested[key]
    if isinstance(nested, list):
        nested[int(last)] = value
    else:
        nested[last] = value
    file.write_text(json.dumps(evaluation))
