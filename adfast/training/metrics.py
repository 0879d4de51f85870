"""metrics.jsonl: one JSON object a line, each line written whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from adfast.durable import replace_file
from adfast.errors import RunError, WriteError


class TrainingMetrics(BaseModel):
    """One line of the file; a number that is not finite tells of a run that diverged.

    Means are over the updates since the line before. Lines from before there were versions are of
    version 1.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    update: int
    tokens: int
    environment_transitions: int
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norm: float | None = None
    validation_return: float | None = None  # in the last episode, where it was evaluated
    held_out_return: float | None = None  # in its place, from before there were validation tasks
    seconds: float
    waiting_seconds: float | None = None

    def to_row(self) -> dict[str, Any]:
        """The line as JSON has it; what is not known is left out."""
        return self.model_dump(exclude_none=True)


class MetricsLog:
    """Appends rows to a JSON-lines file.

    Rows of updates after `keep_updates` are dropped on opening: they belong to work that a resumed
    run does again. A last line cut short by a kill is dropped too.
    """

    def __init__(self, path: Path, *, keep_updates: int) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read_metrics(path) if row["update"] <= keep_updates]
        replace_file(path, ["".join(json.dumps(row) + "\n" for row in kept).encode()])

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row and hand it to the operating system; raises `WriteError`."""
        line = (json.dumps(row) + "\n").encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            length = os.fstat(descriptor).st_size
            try:
                while line:  # a disk that fills up takes a part without an error
                    line = line[os.write(descriptor, line) :]
            except OSError as error:
                # A row cut short would spoil the one after it.
                os.ftruncate(descriptor, length)
                raise WriteError(
                    f"{self.path}: cannot write a row: {error.strerror}; free space or mend the "
                    "folder, then give the same command again: what is finished is kept"
                ) from error
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Make all rows durable, as they must be before a checkpoint that counts on them."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file, oldest first; none if the file is absent.

    What follows the last line's end was cut short by a kill and is left out. Raises `RunError` for
    any other line that is no row.
    """
    return rows_from(path, 0)[0] if path.exists() else []


def rows_from(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The rows from the byte `offset` on, where one begins, and the byte behind the last of them.

    As `read_metrics` has it, but the file must be there.
    """
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read()
    lines = content.split(b"\n")
    rows, place = [], f" from byte {offset} on" if offset else ""
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = json.loads(line)
            row["update"] + 0
        except (ValueError, KeyError, TypeError):
            raise RunError(
                f"{path}, line {number}{place}: damaged: not a row of metrics; restore the file "
                "from a copy, or delete that line"
            ) from None
        rows.append(row)
    return rows, offset + len(content) - len(lines[-1])
