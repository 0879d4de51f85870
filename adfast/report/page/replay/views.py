"""What an agent saw in the replayed runs, where pictures are drawn from what was recorded.

Frames are made smaller, and runs are left out, until they fit in the page.

Legend: P runs, E episodes, T steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.probes.attended.record import exemplary_runs
from adfast.report.page.packing import compressed, joined_arrays
from adfast.runs.files.run_record import RunRecord

MAX_VIEW_CHARACTERS = 1_500_000  # compressed, in the page
MOST_RUNS = 3  # the median, the weakest and the best task
MOST_ROWS, FEWEST_ROWS = 48, 12  # of a frame in the page


def views_of(run: RunRecord, runs: list[tuple[int, int]]) -> tuple[dict[str, Any], str] | None:
    """The frames of those of `runs` that have some, and their bytes.

    None where no picture is drawn from what was recorded, and where not even one run fits.
    """
    observation = run.tasks.transition_schema.observation
    if observation.picture is None or observation.stored.shape == observation.read.shape:
        return None
    assert run.trajectories is not None
    ranks = np.array([row.rank for row in run.evaluation.per_task])
    exemplary = exemplary_runs(ranks, run.evaluation.evaluated.array)
    chosen = list(
        dict.fromkeys((task, seed) for _, task, seed in exemplary if (task, seed) in runs)
    )
    height = observation.picture[0]
    every = -(-height // MOST_ROWS)
    while chosen and height // every >= min(FEWEST_ROWS, height):
        seen = run.trajectories.observation[tuple(np.array(chosen).T)]  # [P, E, T + 1, C]
        frames = np.stack([smaller(observation.as_shown(one), every) for one in seen])
        places, content = joined_arrays({"frames": frames})
        blob = compressed(content)
        if len(blob) <= MAX_VIEW_CHARACTERS:
            return {"runs": [runs.index(one) for one in chosen], "arrays": places}, blob
        if len(chosen) > 1:
            chosen.pop()
        else:
            every *= 2
    return None


def smaller(frames: np.ndarray, every: int) -> np.ndarray:
    """Every so manyth pixel of frames `[E, T + 1, height, width, 3]`."""
    return np.ascontiguousarray(frames[..., ::every, ::every, :])
