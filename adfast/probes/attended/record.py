"""AttentionRecord: where a model looked in a few exemplary runs. Free of torch.

Axes: P recorded runs, T transitions, L layers, H heads, K kept transitions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.evaluation.statistics import lower_median

ROLES = ("median", "weakest", "best")  # of the held-out tasks, in the order of their importance


@dataclass(frozen=True)
class AttentionRecord:
    """What runs `task[p]`, `seed[p]` (positions, not ids) attended to before each of their actions.

    `window` int64 `[L]` is how many transitions a layer sees, the present one included; 0: all.
    `role` uint8 `[P]` counts in `ROLES`. `age` uint16 `[P, T, L, K]` says how many transitions back
    each kept one lies, ascending; `percent` uint8 `[P, T, L, H, K]` is its share of the head's
    attention. What is lacking to 100 went to transitions that are not kept. Where fewer than K were
    visible, and where T is more than a history has, both are 0.
    """

    window: np.ndarray
    role: np.ndarray
    task: np.ndarray
    seed: np.ndarray
    age: np.ndarray
    percent: np.ndarray


def exemplary_runs(ranks: np.ndarray, returns: np.ndarray) -> list[tuple[int, int, int]]:
    """(role, task, seed) of the median, the weakest and the best task, each at its median seed.

    `ranks` `[tasks]` orders tasks and the mean of the last five `returns` `[tasks, seeds,
    episodes]` seeds. Medians are lower ones, so that the choice never flatters; with fewer than
    three tasks a task has the first of its roles.
    """
    tasks = (lower_median(ranks), int(np.argmin(ranks)), int(np.argmax(ranks)))
    last = returns[:, :, -5:].mean(axis=2)
    return [
        (role, task, lower_median(last[task]))
        for role, task in enumerate(tasks)
        if task not in tasks[:role]
    ]
