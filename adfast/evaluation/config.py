"""The settings of an in-context evaluation. Free of torch."""

from __future__ import annotations

from pydantic import Field

from adfast.config import Config, Count, CountOrNone
from adfast.models.config import CachePrecision, Device, Precision


class EvaluationConfig(Config):
    """How long and on how many seeds the frozen model acts on each task.

    `train_tasks` of the training tasks are evaluated too, for comparison. Evaluations while
    training are shorter: `monitor_episodes` episodes on `monitor_seeds` seeds.
    """

    episodes: Count = 40
    seeds: Count = 8
    temperature: float = Field(1.0, ge=0)  # 0 takes the likeliest action
    train_tasks: CountOrNone = 16
    monitor_episodes: Count = 15
    monitor_seeds: Count = 1
    device: Device = "auto"
    precision: Precision = "auto"  # of the model's blocks
    # What the processor keeps keys and values in: "bfloat16" halves the memory that a step reads.
    cache: CachePrecision = "float32"
