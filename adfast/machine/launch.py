"""Launch: the place that torchrun gives a process among those that train together."""

from __future__ import annotations

import os
from dataclasses import dataclass

MARK = "TORCHELASTIC_RUN_ID"  # is set by torchrun alone


@dataclass(frozen=True)
class Launch:
    """The number of this process among `size`, and among the `local_size` of this machine."""

    rank: int
    size: int
    local_rank: int
    local_size: int


def launched_together() -> Launch | None:
    """This process's place among those that torchrun started; None where it is by itself."""
    if MARK not in os.environ:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    launch = Launch(*(int(os.environ[name]) for name in names))
    return launch if launch.size > 1 else None


def speaks() -> bool:
    """Whether this process says what all of them have to say: the first does."""
    launch = launched_together()
    return launch is None or launch.rank == 0
