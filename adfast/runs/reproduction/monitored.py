"""What was monitored while parts trained, pooled over their seeds, and whether it has flattened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast.evaluation.statistics import seeds_and_tasks_interval
from adfast.runs.comparison.record import TrainingCurve
from adfast.runs.reproduction.part_record import PartRecord

LEAST = 3  # evaluations while training that tell what a quarter of it came to


def pooled_training(records: Sequence[PartRecord]) -> TrainingCurve | None:
    """What was monitored while training, where all parts have it; intervals over seeds alone."""
    curves = [record.training for record in records if record.training is not None]
    if len(curves) < len(records):
        return None
    length = min(len(curve.updates) for curve in curves)
    returns = np.array([curve.mean[:length] for curve in curves])
    low, high = seeds_and_tasks_interval([of_seed[None] for of_seed in returns])
    has_interval = len(curves) > 1
    return TrainingCurve(
        updates=curves[0].updates[:length],
        seconds=np.mean([curve.seconds[:length] for curve in curves], axis=0).tolist(),
        transitions=np.mean([curve.transitions[:length] for curve in curves], axis=0).tolist(),
        mean=returns.mean(axis=0).tolist(),
        low=low.tolist() if has_interval else None,
        high=high.tolist() if has_interval else None,
    )


def late_rise(curve: TrainingCurve) -> float | None:
    """How much more is earned in the last quarter of a training than in the third, on average.

    None where too little was monitored to tell.
    """
    share = np.array(curve.transitions) / curve.transitions[-1]
    mean = np.array(curve.mean)
    third, last = mean[(share > 0.5) & (share <= 0.75)], mean[share > 0.75]
    return float(last.mean() - third.mean()) if min(len(third), len(last)) >= LEAST else None
