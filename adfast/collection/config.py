"""The settings of a collection: which learning histories a model is trained on, and from where."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from adfast.config import Config, Count, Seed, Threads
from adfast.tasks.task_split import MAX_LEAK, refuse_leak

# How training gets at the histories; they are no function of these.
LIVE_SETTINGS = ("live", "live_capacity", "fresh_transitions_per_update")


class CollectionConfig(Config):
    """`histories_per_task` learning histories of `episodes` episodes on every training task.

    `keep_every` keeps episodes 0, k, 2k, ... of each history, so that the model sees, and learns to
    make, k times faster progress than its source (Laskin et al. 2022, section 4.5).

    With `live` the same histories go, in the same order, into a ring in memory while the model
    trains, and no file is written. Update u sees a first block and `fresh_transitions_per_update`
    more for every update before it, of these the newest `live_capacity`; once the collection is
    exhausted, nothing new comes.
    """

    algorithm: str = "q-learning"
    """The source algorithm, by name or as "package.module:Class"."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the algorithm."""

    histories_per_task: Count = 100
    """Learning histories of each training task, each of a learner of its own, or of an actor."""

    streams_per_learner: Count | None = None
    """Histories kept of each learner with parallel actors, those of its first ones; none: all."""

    episodes: Count = 200
    """Episodes that a learner learns for."""

    keep_every: Count = 1
    """Which episodes of a history are kept: number 0, k, 2k, ..."""

    min_improvement: float | None = None
    """Least rise of the return, from the first tenth of the kept episodes to the last, of a history
    that is stored; none: all are."""

    held_out: Count = 16
    """Tasks that no history is collected on, for the figures at the end."""

    validation: Count = 8
    """Further tasks that no history is collected on, for choices; the rest are trained on."""

    split_seed: Seed | None = None
    """Which tasks are held out, and which are for validation; none: the run's seed decides."""

    split: Literal["random", "half-room"] = "random"
    """From where these tasks are drawn: all, or the right half of a room; the left one trains."""

    leak: int = Field(0, ge=0, le=MAX_LEAK)
    """Tasks of the right half that are trained on nevertheless, drawn after the others."""

    block_histories: Count = 500
    """Histories in one durable block of the store, whole learners; a stopped collection loses at
    most one."""

    labels: bool = False
    """Whether each step also says which action the learner held right, whatever it did."""

    threads: Threads | None = None
    """Threads that collect; none: one per core."""

    live: bool = False
    """Whether histories go into a ring in memory while the model trains, and into no file."""

    live_capacity: int | None = Field(None, ge=1, lt=2**63)
    """Transitions that the ring holds; none: the whole collection."""

    fresh_transitions_per_update: Count | None = None
    """New transitions that the ring gets for an update; none: as many as an update samples."""

    @model_validator(mode="after")
    def _leak_is_between_halves(self) -> CollectionConfig:
        refuse_leak(self.split, self.leak)
        return self

    @model_validator(mode="after")
    def _live_settings_have_a_ring(self) -> CollectionConfig:
        if self.live and self.min_improvement is not None:
            raise ValueError(
                f"min_improvement must be none for a live ring, which keeps no history back, got "
                f"{self.min_improvement}; set collection.live=false, or leave it out"
            )
        for name in LIVE_SETTINGS[1:]:
            value = getattr(self, name)
            if value is not None and not self.live:
                raise ValueError(
                    f"{name} is a setting of a live ring, got {value} without one; set "
                    f'collection.live=true, or leave {name} at "none"'
                )
        return self
