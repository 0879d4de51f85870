"""Follower: what shows trackers the rows of `metrics.jsonl`, and nothing else.

A tracker is never told of an update by the loop. It is given what the file says, all of it when a
training begins or goes on and then what was appended; so whatever a kill left in a tracker's own
files, their curves are those of `metrics.jsonl`, whose rows of work that is done again are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from adfast.training.metrics import rows_from
from adfast.training.tracking.config import TrackingConfig

METRICS = "metrics.jsonl"

Row = Mapping[str, Any]
OnUpdate = Callable[[Any, Row | None], None]


class Tracker(Protocol):
    """What shows curves of a training."""

    def begin(self, rows: Sequence[Row]) -> None:
        """Hold `rows` alone, in place of whatever an earlier process has left."""

    def write(self, rows: Sequence[Row]) -> None:
        """Hold these, too."""

    def close(self) -> None:
        """Write no more."""


class Follower:
    """Shows `trackers` the rows of a metrics file.

    `on_update` and `catch_up` are for the process that writes the file, once a training has opened
    it; no tracker is begun before.
    """

    def __init__(self, metrics: Path, trackers: Sequence[Tracker], closing: ExitStack) -> None:
        self.metrics = metrics
        self.trackers = trackers
        self._closing = closing
        self._read: int | None = None  # bytes of the file; None: none are begun

    def on_update(self, then: OnUpdate) -> OnUpdate:
        """A hook that catches up after every row, and calls `then` after every update."""

        def on_update(state: Any, row: Row | None) -> None:
            if row is not None:
                self.catch_up()
            then(state, row)

        return on_update

    def catch_up(self) -> None:
        """Show what the file has got since the last call, at the first all of it."""
        if not self.trackers:
            return
        rows, read = rows_from(self.metrics, self._read or 0)
        for tracker in self.trackers:
            if self._read is None:
                self._closing.callback(tracker.close)
                tracker.begin(rows)
            else:
                tracker.write(rows)
        self._read = read


@contextmanager
def following(
    config: TrackingConfig | None, directory: Path, settings: Mapping[str, Any]
) -> Iterator[Follower]:
    """What follows the training in `directory` as `config` says; `settings` describe it.

    Raises `MissingPackage` where a tracker is not installed.
    """
    trackers: list[Tracker] = []
    config = config or TrackingConfig()
    config.require_packages()
    if config.tensorboard:
        from adfast.training.tracking.tensorboard_events import TensorBoardEvents

        trackers.append(TensorBoardEvents(directory / "tensorboard"))
    if config.wandb:
        from adfast.training.tracking.wandb_run import WandbRun

        trackers.append(WandbRun(directory, config.wandb_project, settings))
    with ExitStack() as closing:
        yield Follower(directory / METRICS, trackers, closing)


def scalars(row: Row) -> dict[str, float]:
    """The curves' names and values of a row; those of a list by their number, `NAME/0` first.

    What is not known has no value.
    """
    found: dict[str, float] = {}
    for name, value in row.items():
        numbers = {f"{name}/{index}": x for index, x in enumerate(value)} if is_list(value) else {}
        found |= {key: x for key, x in (numbers or {name: value}).items() if is_number(x)}
    return {name: float(x) for name, x in found.items() if name not in ("update", "version")}


def is_list(value: Any) -> bool:
    """Whether a value of a row is several."""
    return isinstance(value, list)


def is_number(value: Any) -> bool:
    """Whether a value of a row is a point of a curve."""
    return isinstance(value, int | float) and not isinstance(value, bool)
