"""The content of evaluation.json: returns, references and the summary, ready for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.evaluation.in_context import InContextEvaluation
from adfast.evaluation.references import References
from adfast.evaluation.statistics import bootstrap_interval, interquartile_mean, share_of_optimum
from adfast.tasks.task_set import TaskSet

LAST_EPISODES = 5
SOLVED_SHARE = 0.8  # of a task's optimum, over the last episodes


def summarise(evaluation: InContextEvaluation, optimal: np.ndarray | None) -> dict[str, Any]:
    """Means over tasks and seeds by episode, with 95% intervals over tasks.

    `optimal` float `[tasks]` is each task's greatest return, None where it is not known.
    """
    by_task = evaluation.returns.mean(axis=1)  # [tasks, episodes]
    last = by_task[:, -LAST_EPISODES:].mean(axis=1)
    runs = evaluation.returns.reshape(-1, evaluation.returns.shape[2])
    return {
        "mean_by_episode": by_task.mean(axis=0).tolist(),
        "ci95_by_episode": bootstrap_interval(by_task).T.tolist(),
        "iqm_by_episode": interquartile_mean(runs).tolist(),
        "first_episode_mean": float(by_task[:, 0].mean()),
        "last5_mean": float(last.mean()),
        "last5_ci95": bootstrap_interval(last).tolist(),
        "last5_share_of_optimal": None
        if optimal is None
        else share_of_optimum(last.mean(), optimal.mean()),
    }


def describe_tasks(
    tasks: TaskSet, evaluation: InContextEvaluation, optimal: np.ndarray | None
) -> list[dict[str, Any]]:
    """One row per evaluated task, so that one that is not solved is seen."""
    by_task = evaluation.returns.mean(axis=1)
    last = by_task[:, -LAST_EPISODES:].mean(axis=1)
    rows = [
        {
            "task_id": int(task_id),
            "label": tasks.task_label(int(task_id)),
            "first_episode": float(returns[0]),
            "last5_mean": float(mean),
        }
        for task_id, returns, mean in zip(evaluation.task_ids, by_task, last, strict=True)
    ]
    if optimal is None:
        return rows
    return [
        row
        | {
            "optimal": float(best),
            "share_of_optimal": share_of_optimum(mean, best),
            "solved": is_solved(float(mean), float(best)),
        }
        for row, mean, best in zip(rows, last, optimal, strict=True)
    ]


def is_solved(mean: float, best: float) -> bool:
    """Whether a mean return is enough of a task's optimum."""
    return mean >= SOLVED_SHARE * best if best >= 0 else SOLVED_SHARE * mean >= best


def describe_references(references: References) -> dict[str, Any]:
    """The references, each a number or a list by episode; None is unknown."""
    by_episode = {
        "source": references.source,
        "source_every_kth": references.source_kept,
        "ideal_learner": references.ideal_learner,
        "recorded": references.recorded,
    }
    return {
        "random": references.random,
        "optimal": references.optimal,
        **{name: None if value is None else value.tolist() for name, value in by_episode.items()},
    }


def describe_returns(evaluation: InContextEvaluation, tasks: TaskSet) -> dict[str, Any]:
    """Task ids, returns `[tasks][seeds][episodes]` and each task's optimum."""
    optimal = tasks.optimal_return(evaluation.task_ids)
    return {
        "task_ids": evaluation.task_ids.tolist(),
        "returns": evaluation.returns.tolist(),
        "optimal": None if optimal is None else optimal.tolist(),
    }
