"""What the replay shows: which runs, and their arrays in the page.

A run is one task with one seed. Whatever the size of the evaluation, the page stays within a
budget: runs, and attention, that do not fit are left out, and the page says so.

Axes: P runs with attention, T transitions, L layers, H heads, K kept transitions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from adfast.probes.attended.record import ROLES, exemplary_runs
from adfast.report.page.packing import compressed, joined_arrays
from adfast.report.page.replay.views import views_of
from adfast.runs.files.run_record import RunRecord
from adfast.tasks.task_map import TaskMap

MAX_TRAJECTORY_BYTES = 1_000_000  # before compression, which leaves about a sixth
MAX_COMPONENTS = 32  # of an observation, each a lane of the timeline
MAX_ATTENTION_CHARACTERS = 900_000  # compressed, in the page
MAX_MAP_CELLS = 2500  # more could not be told apart, nor drawn at every step


@dataclass(frozen=True)
class Recording:
    """The runs in the page: `description` for JSON, `blobs` compressed arrays by element.

    `left_out` counts the recorded runs that did not fit.
    """

    description: dict[str, Any]
    blobs: dict[str, str]
    left_out: int


def recording_of(run: RunRecord) -> Recording | None:
    """The runs that the page replays; None where none is recorded, or not even one fits."""
    trajectories = run.trajectories
    if trajectories is None:
        return None
    runs = chosen_runs(run)
    if not runs or math.prod(trajectories.observation.shape[4:]) > MAX_COMPONENTS:
        return None
    index = tuple(np.array(runs).T)
    steps = int(trajectories.length[index].max())
    seen = trajectories.observation[index][:, :, : steps + 1]
    seen = seen.reshape(*seen.shape[:3], -1)
    reward = trajectories.reward[index][:, :, :steps]
    sizes = run.tasks.transition_schema.observation.stored.sizes
    places, content = joined_arrays(
        {
            "observation": seen if sizes is not None else seen.astype(np.float32),
            "action": trajectories.action[index][:, :, :steps],
            "reward": reward,
            "length": trajectories.length[index],
            "boundary": trajectories.boundary[index],
        }
    )
    blobs = {"replay-arrays": compressed(content)}
    attention, blob = attention_of(run, runs) or (None, None)
    if blob is not None:
        blobs["replay-attention"] = blob
    views, frames = views_of(run, runs) or (None, None)
    if frames is not None:
        blobs["replay-frames"] = frames
    tasks = sorted({task for task, _ in runs})
    description = {
        "episodes": run.evaluation.episodes,
        "steps": steps,
        "ranges": ranges_of(seen) if sizes is None else [[0, size - 1] for size in sizes],
        "rewards": [min(float(reward.min()), 0.0), max(float(reward.max()), 0.0)],
        "actions": [run.tasks.action_label(action) for action in range(run.tasks.num_actions)],
        "tasks": {
            task: {
                "label": run.evaluation.per_task[task].label,
                "optimal": run.evaluation.per_task[task].optimal,
                "map": described_map(run.tasks.task_map(run.evaluation.per_task[task].task_id)),
            }
            for task in tasks
        },
        "runs": runs,
        "arrays": places,
        "attention": attention,
        "views": views,
    }
    return Recording(description, blobs, trajectories.length[..., 0].size - len(runs))


def ranges_of(observation: np.ndarray) -> list[tuple[float, float]]:
    """The least and the greatest value of each component of `observation` `[..., C]`."""
    values = observation.reshape(-1, observation.shape[-1]).astype(np.float64)
    return list(zip(values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True))


def chosen_runs(run: RunRecord) -> list[tuple[int, int]]:
    """(task, seed) of the runs in the page, sorted: the exemplary ones, then seed by seed."""
    assert run.trajectories is not None
    trajectories = run.trajectories
    num_tasks, num_seeds = trajectories.length.shape[:2]
    recorded = (trajectories.observation, trajectories.action, trajectories.reward)
    bytes_per_run = sum(array[0, 0].nbytes for array in recorded)
    candidates = [(task, seed) for _, task, seed in exemplary(run)]
    candidates += [(task, seed) for seed in range(num_seeds) for task in range(num_tasks)]
    return sorted(list(dict.fromkeys(candidates))[: MAX_TRAJECTORY_BYTES // bytes_per_run])


def exemplary(run: RunRecord) -> list[tuple[int, int, int]]:
    """(role, task, seed) of the median, the weakest and the best task."""
    ranks = np.array([row.rank for row in run.evaluation.per_task])
    return exemplary_runs(ranks, run.evaluation.evaluated.array)


def attention_of(run: RunRecord, runs: list[tuple[int, int]]) -> tuple[dict[str, Any], str] | None:
    """The recorded attention of those of `runs` that have one, and its arrays; None if none has.

    Runs are dropped from the end of the roles until the rest fits.
    """
    record = run.attention
    if record is None:
        return None
    order = [
        int(index)
        for index in np.argsort(record.role, kind="stable")
        if (record.task[index], record.seed[index]) in runs
    ]
    while order:
        # The same layer and head, one query after the other, compresses best.
        age = record.age[order].swapaxes(1, 2)  # [P, L, T, K]
        percent = np.moveaxis(record.percent[order], 1, 3)  # [P, L, H, T, K]
        places, content = joined_arrays({"age": age, "percent": percent})
        blob = compressed(content)
        if len(blob) <= MAX_ATTENTION_CHARACTERS:
            break
        order.pop()
    if not order:
        return None
    description = {
        "runs": [runs.index((int(record.task[p]), int(record.seed[p]))) for p in order],
        "roles": [ROLES[record.role[p]] for p in order],
        "windows": record.window.tolist(),
        "arrays": places,
    }
    return description, blob


def described_map(task_map: TaskMap | None) -> dict[str, Any] | None:
    """A map for JSON; None where there is none that can be drawn."""
    if task_map is None or task_map.rows * task_map.columns > MAX_MAP_CELLS:
        return None
    return {
        "rows": task_map.rows,
        "columns": task_map.columns,
        "rooms": task_map.rooms,
        "components": list(task_map.components),
        "perCell": task_map.per_cell,
        "upward": task_map.upward,
        "heading": task_map.heading,
        "landmarks": [[mark.name, mark.room, mark.row, mark.column] for mark in task_map.landmarks],
    }
