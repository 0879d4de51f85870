"""The settings of a collection: which learning histories a model is trained on."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from adfast.config import Config


class CollectionConfig(Config):
    """`histories_per_task` learning histories of `episodes` episodes on every training task.

    `keep_every` keeps episodes 0, k, 2k, ... of each history, so that the model sees, and learns to
    make, k times faster progress than its source (Laskin et al. 2022, section 4.5).
    """

    algorithm: str = "q-learning"
    options: dict[str, Any] = Field(default_factory=dict)  # of the algorithm
    histories_per_task: int = Field(100, ge=1)
    episodes: int = Field(200, ge=1)
    keep_every: int = Field(1, ge=1)
    held_out: int = Field(16, ge=1)  # tasks that no history is collected on
    split_seed: int | None = None  # None: the run's seed
    block_histories: int = Field(500, ge=1)  # histories in one durable block of the store
    threads: int | None = Field(None, ge=1)  # None: one per core
