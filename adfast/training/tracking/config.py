"""TrackingConfig: the settings of tracking. Imports no torch and no tracker."""

from __future__ import annotations

from pydantic import Field, field_validator

from adfast.config import Config
from adfast.errors import InvalidArgument, shown
from adfast.packages import require

FOLDERS = PACKAGES = ("tensorboard", "wandb")  # each has a folder of its name in a run


NOT_IN_PROJECTS = "/\\#?%:"  # of Weights & Biases


class TrackingConfig(Config):
    """Where a training's metrics are shown beside `metrics.jsonl`, which stays the truth.

    Nothing that is computed depends on it, so a run may be gone on with under other ones.
    """

    tensorboard: bool = False
    """Whether the run's folder `tensorboard` gets an event file."""

    wandb: bool = False
    """Whether the run's folder `wandb` gets a run of Weights & Biases: offline, unless WANDB_MODE
    says "online"."""

    wandb_project: str = Field("adfast", min_length=1, max_length=128)
    """The project of that run."""

    @field_validator("wandb_project")
    @classmethod
    def _is_taken_by_wandb(cls, name: str) -> str:
        if not name.isprintable() or set(name) & set(NOT_IN_PROJECTS):
            raise InvalidArgument(
                f"must be of printable characters, and none of {NOT_IN_PROJECTS}, got {shown(name)}"
            )
        return name

    @property
    def packages(self) -> tuple[str, ...]:
        """What it needs installed."""
        return tuple(name for name in PACKAGES if getattr(self, name))

    def require_packages(self) -> None:
        """Raise `MissingPackage` where a tracker that is asked for is not installed."""
        require(*self.packages)
