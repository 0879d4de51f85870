"""Recording: histories that grow row by row, in plain files until they are a block of a store.

A recording is a folder inside the store's, which no reader looks at: `recording.json` and one file
per field, to which every step adds the rows of all N histories. What has been flushed survives the
process: the next one to write into the store finds the folder and commits what is in it. Histories
may be larger than memory. Large next observations are kept once (`next_items.py`).

Legend: N histories that grow together, T steps.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adfast.durable import discard, replace_file
from adfast.errors import InvalidArgument, StoreError, WriteError
from adfast.histories.block import split_metadata
from adfast.histories.next_items import CONTINUED, KeptItems, is_kept_once
from adfast.histories.recorded_next_items import NextItemsLog, Pending, RecordedItems, map_items
from adfast.histories.writer import HistoryWriter
from adfast.tasks.fields import Field
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TRUNCATED

FOLDER_PATTERN = "recording-[0-9]*"
DESCRIPTION_NAME = "recording.json"
FINISHED_NAME = "finished"  # an empty file: the recording ended, and is yet to be committed
IS_TRANSITION = "is_transition"  # the file that says which rows of a step count
BLOCK_BYTES = 64 << 20  # of histories that are committed together, unless one alone is larger
BUFFER_BYTES = 1 << 18  # of rows that wait in memory, unless one alone is larger

# Metadata that every recorded history has beside what the user says of it.
RECORDING = "recording"  # number of the recording within the store
ENVIRONMENT = "environment"  # which of its N histories it is
FIRST_ENVIRONMENT = "first_environment"  # of the block
IS_INTERRUPTED = "is_interrupted"  # True if the process ended before the recording did
RESERVED_METADATA = (RECORDING, ENVIRONMENT, FIRST_ENVIRONMENT, IS_INTERRUPTED)


class NewestRow(NamedTuple):
    """How many rows there are, and what the newest one says; replaced as a whole."""

    num_rows: int
    boundary: np.ndarray  # uint8 [N]
    is_transition: np.ndarray  # uint8 [N]
    pending: Pending | None  # where next observations are kept once


class Recording:
    """The files of N growing histories, open for more rows.

    Rows wait in memory until `flush`, which writes each where it belongs in its file: a call that
    was interrupted is made good by the next, and a forked child, which never flushes, adds nothing.
    Threads may call any method at any time. `metadata` is as in `HistoryWriter.append_block`;
    raises `InvalidArgument` for other values.
    """

    def __init__(
        self,
        folder: Path,
        fields: Mapping[str, Field],
        num_histories: int,
        metadata: Mapping[str, Any],
    ) -> None:
        columns, common = split_metadata(metadata, num_histories)
        description = {
            "histories": num_histories,
            "columns": {name: values.tolist() for name, values in columns.items()},
            "common": common,
        }
        self.folder = folder
        self.has_ended = False
        self._lock = threading.RLock()
        every = kept_fields(fields, is_kept_once(fields))
        row_bytes = num_histories * sum(field.item_bytes for field in every.values())
        self._capacity = BUFFER_BYTES // row_bytes  # none: each row is written at once
        self._waiting = {
            name: np.empty((self._capacity, num_histories, *field.shape), field.dtype)
            for name, field in every.items()
        }
        self._paths = {name: str(folder / name) for name in every}
        self._num_flushed = 0
        self._next_items = None
        paths = [*self._paths.values()]
        pending = None
        if is_kept_once(fields):
            self._next_items = NextItemsLog(folder, fields[CONTINUED], num_histories, write_rows)
            paths += self._next_items.paths
            pending = self._next_items.none
        none = np.zeros(num_histories, np.uint8)
        self._newest = NewestRow(0, none, none, pending)
        with self._writing():
            folder.mkdir()
            for path in paths:
                Path(path).touch()
        # Written last: a folder without it holds nothing.
        replace_file(folder / DESCRIPTION_NAME, [json.dumps(description).encode()])

    def append(self, rows: Mapping[str, np.ndarray], is_transition: np.ndarray) -> None:
        """Add a row `[N, *item]` to every field; it counts where `is_transition` (bool `[N]`).

        Raises `WriteError` if the disk is full, and `InvalidArgument` if the recording has ended;
        the row is then in none of the fields.
        """
        with self._lock:
            self.require_open()
            num_rows = self._newest.num_rows
            if num_rows - self._num_flushed == self._capacity:
                self.flush()
            place = num_rows - self._num_flushed
            counts = is_transition.astype(np.uint8)
            pending = self._newest.pending
            if self._next_items is not None and pending is not None:
                with self._writing():
                    pending = self._next_items.add(num_rows, rows, is_transition, pending)
            for name, waiting in self._waiting.items():
                values = counts if name == IS_TRANSITION else rows[name]
                assert values.dtype == waiting.dtype, name
                assert values.shape == waiting.shape[1:], name
                if self._capacity:
                    waiting[place] = values
                else:
                    with self._writing():
                        write_rows(self._paths[name], values[None], num_rows)
            # The row is there with this, wherever the lines before were interrupted.
            self._newest = NewestRow(num_rows + 1, rows["boundary"].copy(), counts, pending)

    def truncate(self, mask: np.ndarray) -> None:
        """End the episodes of `mask` (bool `[N]`) at their newest row, if it did not end them."""
        with self._lock:
            self.require_open()
            num_rows, boundary, is_transition, _ = self._newest
            changing = mask & (boundary == BOUNDARY_INSIDE) & (is_transition != 0)
            if not changing.any():
                return
            self._keep_next(changing)
            self.flush()
            boundary = np.where(changing, np.uint8(BOUNDARY_TRUNCATED), boundary)
            with self._writing():
                write_rows(self._paths["boundary"], boundary[None], num_rows - 1)
            self._newest = self._newest._replace(boundary=boundary)

    def flush(self) -> None:
        """Hand everything to the operating system, which keeps it if this process is killed."""
        with self._lock, self._writing():
            num_rows, _, _, pending = self._newest
            if self._next_items is not None and pending is not None:
                self._next_items.flush(pending)  # before the rows that need them
            count = num_rows - self._num_flushed
            if count and self._capacity:
                for name, rows in self._waiting.items():
                    write_rows(self._paths[name], rows[:count], self._num_flushed)
            self._num_flushed = num_rows

    def finish(self) -> None:
        """Take no more rows: all that are there count, whoever commits them."""
        with self._lock:
            self._keep_next(np.ones(len(self._newest.boundary), bool))
            self.flush()
            self.has_ended = True
            self._waiting = {}
            with self._writing(), contextlib.suppress(FileNotFoundError):  # committed already
                (self.folder / FINISHED_NAME).touch()

    def require_open(self) -> None:
        """Raise `InvalidArgument` if the recording has ended."""
        if self.has_ended:
            raise InvalidArgument(
                "the recording has ended: its environment or its recorder was closed; "
                "use the environment itself, or wrap it again to record another history"
            )

    def _keep_next(self, mask: np.ndarray) -> None:
        """Keep the next observations of the newest transitions of `mask`, whatever follows them."""
        pending = self._newest.pending
        if self._next_items is not None and pending is not None:
            with self._writing():
                self._newest = self._newest._replace(pending=self._next_items.keep(mask, pending))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn the operating system's refusals into `WriteError`."""
        try:
            yield
        except OSError as error:
            raise WriteError(
                f"{self.folder}: cannot be written: {error.strerror}; free space or mend "
                "the folder, then record on: every episode that had ended before is kept"
            ) from error


def write_rows(path: str, rows: np.ndarray, first: int) -> None:
    """Write `rows` into the file `path` as those from number `first` on; raises `OSError`.

    The file is opened anew each time: none stays open, in this process or in a forked one.
    """
    content = np.ascontiguousarray(rows).data.cast("B")
    begin = first * (rows.nbytes // len(rows))
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        written = 0
        while written < len(content):  # a disk that fills up takes a part without an error
            written += os.pwrite(descriptor, content[written:], begin + written)
    finally:
        os.close(descriptor)


def kept_fields(fields: Mapping[str, Field], is_once: bool) -> dict[str, Field]:
    """The fields of which a recording has a file of rows; `is_once`: none of next observations."""
    every = {**fields, IS_TRANSITION: Field(np.dtype(np.uint8))}
    return {name: field for name, field in every.items() if not (is_once and name == CONTINUED)}


def begin_recording(
    writer: HistoryWriter,
    fields: Mapping[str, Field],
    num_histories: int,
    metadata: Mapping[str, Any],
) -> Recording:
    """A new recording in the store of `writer`."""
    used = [number_of(folder) for folder in recording_folders(writer.path)]
    used += [int(writer.metadata_of(block)[RECORDING]) for block in writer.finished_blocks]
    number = max(used, default=-1) + 1
    return Recording(writer.path / f"recording-{number:06d}", fields, num_histories, metadata)


def recover_recordings(writer: HistoryWriter) -> None:
    """Commit the recordings that a process left behind when it ended."""
    for folder in recording_folders(writer.path):
        if (folder / DESCRIPTION_NAME).exists():
            commit_recording(folder, writer)
        else:
            discard(folder)


def recording_folders(store: Path) -> list[Path]:
    """The recordings in a store's folder, oldest first."""
    return sorted(store.glob(FOLDER_PATTERN))


def number_of(folder: Path) -> int:
    """The number of the recording in `folder`."""
    return int(folder.name.rpartition("-")[2])


def commit_recording(folder: Path, writer: HistoryWriter) -> None:
    """Make the histories in `folder` blocks of the store, then delete it.

    Those that were not finished are cut behind their last whole episode. May itself be interrupted
    at any point and called again: what is in the store already is passed over.
    """
    if not folder.exists():
        return
    is_interrupted = not (folder / FINISHED_NAME).exists()
    number = number_of(folder)
    described = [writer.metadata_of(block) for block in writer.finished_blocks]
    committed = {about[FIRST_ENVIRONMENT] for about in described if about[RECORDING] == number}
    try:
        description = json.loads((folder / DESCRIPTION_NAME).read_bytes())
        files = map_files(folder, writer.fields, int(description["histories"]))
        for part in parts_of(files):
            if part.start in committed:
                continue
            items = None
            if CONTINUED not in files:
                steps = len(files[IS_TRANSITION])
                items = map_items(folder, writer.fields[CONTINUED], part, steps)
            arrays, lengths = rows_of(files, part, items, only_whole_episodes=is_interrupted)
            if not lengths.any():
                continue
            columns = {
                name: np.array(values)[part][lengths > 0]
                for name, values in description["columns"].items()
            }
            metadata = {
                **description["common"],
                **columns,
                RECORDING: number,
                FIRST_ENVIRONMENT: part.start,
                ENVIRONMENT: np.arange(part.start, part.stop)[lengths > 0],
                IS_INTERRUPTED: is_interrupted,
            }
            writer.append_block(writer.next_block, arrays, lengths[lengths > 0], metadata)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{folder}: this recording cannot be made part of the store ({error}); mend what the "
            "message says, or delete the folder to give the recording up"
        ) from error
    discard(folder)


def map_files(
    folder: Path, fields: Mapping[str, Field], num_histories: int
) -> dict[str, np.ndarray]:
    """Name -> `[T, N, *item]` mapped, up to the last step that every file has whole.

    Next observations are not among them where the recording kept them once.
    """
    every = kept_fields(fields, CONTINUED in fields and not (folder / CONTINUED).exists())
    steps = min(
        (folder / name).stat().st_size // (num_histories * field.item_bytes)
        for name, field in every.items()
    )
    if steps == 0:
        return {
            name: np.zeros((0, num_histories, *field.shape), field.dtype)
            for name, field in every.items()
        }
    return {
        name: np.memmap(folder / name, field.dtype, "r", shape=(steps, num_histories, *field.shape))
        for name, field in every.items()
    }


def parts_of(files: Mapping[str, np.ndarray]) -> Iterator[slice]:
    """Slices of the histories that are committed together, a function of their number and size."""
    num_histories = files[IS_TRANSITION].shape[1]
    fields = (rows for name, rows in files.items() if name != IS_TRANSITION)
    history_bytes = sum(rows.nbytes for rows in fields) // num_histories
    size = max(BLOCK_BYTES // max(history_bytes, 1), 1)
    for first in range(0, num_histories, size):
        yield slice(first, min(first + size, num_histories))


def rows_of(
    files: Mapping[str, np.ndarray],
    part: slice,
    items: RecordedItems | None,
    *,
    only_whole_episodes: bool,
) -> tuple[dict[str, np.ndarray | KeptItems], np.ndarray]:
    """The transitions of the histories of `part` back to back, and their number in each.

    `items` are their next observations where these were kept once.
    """
    keep = files[IS_TRANSITION][:, part].T != 0
    if only_whole_episodes:
        ends = keep & (files["boundary"][:, part].T != BOUNDARY_INSIDE)
        if items is not None:
            ends &= items.place >= 0
        keep &= np.flip(np.maximum.accumulate(np.flip(ends, 1), axis=1), 1)
    fields = {name: rows for name, rows in files.items() if name != IS_TRANSITION}
    arrays: dict[str, np.ndarray | KeptItems]
    if keep.shape[0] == 1 and keep.all():  # the files as they are, which may exceed memory
        arrays = {name: rows[:, part.start] for name, rows in fields.items()}
    else:
        arrays = {name: rows[:, part].swapaxes(0, 1)[keep] for name, rows in fields.items()}
    if items is not None:
        arrays[CONTINUED] = items.of(keep)
    return arrays, keep.sum(axis=1)
