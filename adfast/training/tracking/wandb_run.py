"""WandbRun: the rows of a training as a run of Weights & Biases, offline unless WANDB_MODE says so.

An offline run cannot be gone on with: a training that goes on writes a new one of the same id with
all rows, and deletes that of before. An online one is gone on with at its last step. The library
asks its server for nothing before `WANDB_MODE=online`, or `wandb sync`, does.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from adfast.durable import discard, explained, replace_file
from adfast.errors import InvalidArgument
from adfast.training.tracking.follower import Row, scalars

MODES = ("offline", "online", "disabled")
ID_FILE = "run-id"


class WandbRun:
    """The run in the folder `wandb` of `directory`, in whose file `run-id` its id stands."""

    def __init__(self, directory: Path, project: str, settings: Mapping[str, Any]) -> None:
        self.directory, self.project, self.settings = directory, project, settings
        self.mode = asked_mode()
        if self.mode != "online":  # asked when the library is imported
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        self._wandb = import_module("wandb")
        self._run: Any = None

    def begin(self, rows: Sequence[Row]) -> None:
        """Hold `rows` alone; online those that the server has not yet."""
        folder = self.directory / "wandb"
        identity = kept_identity(folder)
        earlier = list(folder.glob(f"offline-run-*-{identity}"))
        self._run = self._wandb.init(
            project=self.project,
            id=identity,
            name=self.directory.name,
            dir=str(self.directory),
            config=dict(self.settings),
            mode=self.mode,
            resume="allow" if self.mode == "online" else None,
            reinit="create_new",  # whoever has a run of their own in this process keeps it
            # Metrics alone: no prints, no source, no machine's load.
            settings=self._wandb.Settings(
                console="off",
                disable_git=True,
                disable_code=True,
                silent=True,
                x_disable_stats=True,
            ),
        )
        known = self._run.step if self.mode == "online" else 0
        self.write([row for row in rows if row["update"] >= known])
        for path in earlier:
            discard(path)

    def write(self, rows: Sequence[Row]) -> None:
        """Log `rows`; their step is the update."""
        for row in rows:
            self._run.log(scalars(row), step=row["update"])

    def close(self) -> None:
        """End the run; wandb writes what it still has to."""
        if self._run is not None:
            self._run.finish()


def asked_mode() -> str:
    """What `WANDB_MODE` says; raises `InvalidArgument` for what is none of `MODES`."""
    mode = os.environ.get("WANDB_MODE") or "offline"
    if mode not in MODES:
        raise InvalidArgument(
            f'WANDB_MODE must be one of {", ".join(MODES)} for tracking.wandb, got "{mode}"; unset '
            "it for offline"
        )
    return mode


def kept_identity(folder: Path) -> str:
    """The id of the run in `folder`, a new one where there is none yet; raises `WriteError`."""
    file = folder / ID_FILE
    if file.is_file():
        return file.read_text(encoding="utf-8").strip()
    identity = secrets.token_hex(4)
    with explained(folder, "make the folder"):
        folder.mkdir(parents=True, exist_ok=True)
    replace_file(file, [identity.encode()])
    return identity
