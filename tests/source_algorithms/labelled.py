"""Histories with labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily


def labelled_histories(
    algorithm: SourceAlgorithm,
    family: TaskFamily,
    task_ids: np.ndarray,
    streams: np.ndarray,
    episodes: int,
    *,
    seed: int = 5,
    keep_every: int = 1,
) -> tuple[dict[str, Any], np.ndarray]:
    """The fields of the histories, 255 where nothing was written, and their lengths."""
    schema = replace(family.transition_schema, labelled=True)
    out = schema.allocate(len(task_ids), -(-episodes // keep_every) * family.episode_length)
    for array in out.values():
        array.fill(255)
    lengths = algorithm.learn(family, task_ids, streams, episodes, seed, out, keep_every=keep_every)
    return out, lengths
