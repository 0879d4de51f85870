"""TensorBoardEvents: the rows of a training as an event file of TensorBoard.

A training that begins or goes on writes one whole file of all rows so far, and empties that of
before: a TensorBoard that reads it would wait for a deleted one forever. The new one begins by a
restart at step 0, by which what was read before is forgotten. Numbers are kept as float32.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from adfast.durable import clear_leftovers, discard, explained, replace_file
from adfast.training.tracking.follower import Row, scalars

PREFIX, SUFFIX = "events.out.tfevents.", ".adfast"
OWN = re.compile(rf"{re.escape(PREFIX)}[0-9]{{10}}{re.escape(SUFFIX)}")
FILE_VERSION = "brain.Event:2"


class TensorBoardEvents:
    """The event file in `folder`. Other files there are left alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: BinaryIO | None = None
        self._started = 0.0  # when the training would have begun that never paused

    def begin(self, rows: Sequence[Row]) -> None:
        """Replace the file by one of `rows`; raises `WriteError`."""
        with explained(self.folder, "make the folder"):
            self.folder.mkdir(parents=True, exist_ok=True)
        clear_leftovers(self.folder)
        earlier = sorted(path for path in self.folder.iterdir() if OWN.fullmatch(path.name))
        number = 1 + int(earlier[-1].name[len(PREFIX) : -len(SUFFIX)]) if earlier else 1
        self._started = time.time() - (rows[-1]["seconds"] if rows else 0.0)
        path = self.folder / f"{PREFIX}{number:010d}{SUFFIX}"
        version = Event(wall_time=self._started, file_version=FILE_VERSION)
        restart = Event(wall_time=self._started, session_log=SessionLog(status=SessionLog.START))
        replace_file(path, [encoded([version, restart, *self._events(rows)])])
        self._file = path.open("ab")
        for file in earlier[:-1]:
            discard(file)
        for file in earlier[-1:]:  # only now, so that there is one at any moment
            replace_file(file, [encoded([version])])

    def write(self, rows: Sequence[Row]) -> None:
        """Append `rows`, which are there for a reader when this returns; raises `WriteError`."""
        assert self._file is not None, "begin comes first"
        with explained(Path(self._file.name), "write an event"):
            self._file.write(encoded(self._events(rows)))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _events(self, rows: Sequence[Row]) -> Iterator[Any]:
        """An event for each row; its time is that of the training, without pauses."""
        for row in rows:
            values = [Summary.Value(tag=name, simple_value=x) for name, x in scalars(row).items()]
            yield Event(
                wall_time=self._started + row["seconds"],
                step=row["update"],
                summary=Summary(value=values),
            )


def encoded(events: Any) -> bytes:
    """Events as the records of a file."""
    content = BytesIO()
    writer = RecordWriter(content)
    for event in events:
        writer.write(event.SerializeToString())
    return content.getvalue()
