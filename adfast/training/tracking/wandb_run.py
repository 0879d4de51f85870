"""WandbRun: the rows of a training as a run of Weights & Biases, offline unless WANDB_MODE says so.

An offline run cannot be gone on with: a training that goes on writes a new one of the same id with
all rows, and deletes that of before. An online one is gone on with at its last step. The library
asks its server for nothing before `WANDB_MODE=online`, or `wandb sync`, does.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from adfast.durable import discard, explained, replace_file
from adfast.errors import InvalidArgument, shown
from adfast.training.tracking.follower import Row, scalars

MODES = ("offline", "online", "disabled")
ID_FILE = "run-id"
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it stands in names of folders


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
        """Hold `rows` alone; online those that the server has not yet.

        Raises `InvalidArgument` where the library refuses the run: online without an account.
        """
        with self._in_words():
            self._begin(rows)

    def _begin(self, rows: Sequence[Row]) -> None:
        folder = self.directory / "wandb"
        identity = kept_identity(folder)
        earlier = list(folder.glob(f"offline-run-*-{identity}"))
        self._run = self._wandb.init(
            project=self.project,
            id=identity,
            name=self.directory.resolve().name,
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

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turns what the library refuses into an error with the way out."""
        try:
            yield
        except self._wandb.Error as error:
            raise InvalidArgument(
                f"tracking.wandb: Weights & Biases refuses the run: {error} (WANDB_MODE is "
                f"{self.mode}); mend that, or go on with --set tracking.wandb=false"
            ) from error

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
    """The id of the run in `folder`, a new one where there is none yet; raises `WriteError`.

    Raises `InvalidArgument` where the file holds no id.
    """
    file = folder / ID_FILE
    if file.is_file():
        identity = file.read_text(encoding="utf-8", errors="replace").strip()
        if not ID.fullmatch(identity):
            raise InvalidArgument(
                f"{file} must hold an id of up to 64 letters, digits, _ and -, got "
                f"{shown(identity)}; delete it, and the run gets another one"
            )
        return identity
    identity = secrets.token_hex(4)
    with explained(folder, "make the folder"):
        folder.mkdir(parents=True, exist_ok=True)
    replace_file(file, [identity.encode()])
    return identity
