"""The settings of an in-context evaluation. Free of torch."""

from __future__ import annotations

from pydantic import Field

from adfast.config import Config
from adfast.models.config import Device, Precision


class EvaluationConfig(Config):
    """How long and on how many seeds the frozen model acts on each task.

    `train_tasks` of the training tasks are evaluated too, for comparison. Evaluations while
    training are shorter: `monitor_episodes` episodes on `monitor_seeds` seeds.
    """

    episodes: int = Field(40, ge=1)
    seeds: int = Field(8, ge=1)
    temperature: float = Field(1.0, ge=0)  # 0 takes the likeliest action
    train_tasks: int = Field(16, ge=0)
    monitor_episodes: int = Field(15, ge=1)
    monitor_seeds: int = Field(1, ge=1)
    device: Device = "auto"
    precision: Precision = "auto"  # of the model's blocks
