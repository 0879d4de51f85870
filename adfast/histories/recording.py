"""Recording: histories that grow row by row, in plain files until they are a block of a store.

A recording is a folder inside the store's, which no reader looks at: `recording.json` and one file
per field, to which every step adds the rows of all N histories. What has been flushed survives the
process: the next one to write into the store finds the folder and commits what is in it. Histories
may be larger than memory.

Legend: N histories that grow together, T steps.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from adfast.durable import discard, replace_file
from adfast.errors import StoreError, WriteError
from adfast.histories.block import split_metadata
from adfast.histories.writer import HistoryWriter
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TRUNCATED, Field

FOLDER_PATTERN = "recording-[0-9]*"
DESCRIPTION_NAME = "recording.json"
IS_TRANSITION = "is_transition"  # the file that says which rows of a step count
BLOCK_BYTES = 64 << 20  # of histories that are committed together, unless one alone is larger
FILE_BUFFER_BYTES = 1 << 18

# Metadata that every recorded history has beside what the user says of it.
RECORDING = "recording"  # number of the recording within the store
ENVIRONMENT = "environment"  # which of its N histories it is
FIRST_ENVIRONMENT = "first_environment"  # of the block
IS_INTERRUPTED = "is_interrupted"  # True if the process ended before the recording did
RESERVED_METADATA = (RECORDING, ENVIRONMENT, FIRST_ENVIRONMENT, IS_INTERRUPTED)


class Recording:
    """The files of N growing histories, open for more rows.

    `metadata` is as in `HistoryWriter.append_block`; raises `InvalidArgument` for other values.
    """

    def __init__(
        self,
        folder: Path,
        fields: Mapping[str, Field],
        num_histories: int,
        metadata: Mapping[str, Any],
    ) -> None:
        columns, common = split_metadata(metadata, num_histories)
        self.folder = folder
        self.has_ended = False
        self._num_rows = 0
        self._is_whole = True  # every file ends with the same row
        self._row_bytes = {
            name: num_histories * field.item_bytes for name, field in kept_fields(fields).items()
        }
        folder.mkdir()
        description = {
            "histories": num_histories,
            "columns": {name: values.tolist() for name, values in columns.items()},
            "common": common,
        }
        self._boundary = np.zeros(num_histories, np.uint8)  # of the newest row
        self._is_transition = np.zeros(num_histories, np.uint8)
        self._files: dict[str, BinaryIO] = {
            name: (folder / name).open("wb", buffering=FILE_BUFFER_BYTES)
            for name in self._row_bytes
        }
        # Written last: a folder without it holds nothing.
        replace_file(folder / DESCRIPTION_NAME, [json.dumps(description).encode()])

    def append(self, rows: Mapping[str, np.ndarray], is_transition: np.ndarray) -> None:
        """Add a row `[N, *item]` to every field; it counts where `is_transition` (bool `[N]`).

        Raises `WriteError` if the disk is full; the row is then in none of them.
        """
        self._drop_partial_row()
        counts = is_transition.astype(np.uint8)
        self._is_whole = False
        with self._writing():
            for name, values in rows.items():
                self._files[name].write(np.ascontiguousarray(values).data)
            self._files[IS_TRANSITION].write(counts.data)
        self._boundary, self._is_transition = rows["boundary"].copy(), counts
        self._num_rows += 1
        self._is_whole = True

    def truncate(self, mask: np.ndarray) -> None:
        """End the episodes of `mask` (bool `[N]`) at their newest row, if it did not end them."""
        self._drop_partial_row()
        changing = mask & (self._boundary == BOUNDARY_INSIDE) & (self._is_transition != 0)
        if not changing.any():
            return
        self._boundary[changing] = BOUNDARY_TRUNCATED
        self.flush()
        descriptor = self._files["boundary"].fileno()
        os.pwrite(descriptor, self._boundary.data, (self._num_rows - 1) * self._boundary.nbytes)

    def flush(self) -> None:
        """Hand everything to the operating system, which keeps it if this process is killed."""
        with self._writing():
            for file in self._files.values():
                file.flush()

    def commit(self, writer: HistoryWriter) -> None:
        """Make the histories blocks of `writer`'s store, and delete the files."""
        self._drop_partial_row()
        self.flush()
        for file in self._files.values():
            file.close()
        self.has_ended = True
        commit_recording(self.folder, writer, is_interrupted=False)

    def _drop_partial_row(self) -> None:
        """Take back what an `append` wrote that was interrupted between two files."""
        if self._is_whole:
            return
        self.flush()
        for name, file in self._files.items():
            file.truncate(self._num_rows * self._row_bytes[name])
            file.seek(0, os.SEEK_END)
        self._is_whole = True

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn the operating system's refusals into `WriteError`."""
        try:
            yield
        except OSError as error:
            raise WriteError(
                f"{self.folder}: cannot be written: {error.strerror}; free space, then record on: "
                "every episode that had ended before is kept"
            ) from error


def kept_fields(fields: Mapping[str, Field]) -> dict[str, Field]:
    """The fields that a recording has files of."""
    return {**fields, IS_TRANSITION: Field(np.dtype(np.uint8))}


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
    """Commit the whole episodes of recordings that a process left behind when it ended."""
    for folder in recording_folders(writer.path):
        if (folder / DESCRIPTION_NAME).exists():
            commit_recording(folder, writer, is_interrupted=True)
        else:
            discard(folder)


def recording_folders(store: Path) -> list[Path]:
    """The recordings in a store's folder, oldest first."""
    return sorted(store.glob(FOLDER_PATTERN))


def number_of(folder: Path) -> int:
    """The number of the recording in `folder`."""
    return int(folder.name.rpartition("-")[2])


def commit_recording(folder: Path, writer: HistoryWriter, *, is_interrupted: bool) -> None:
    """Make the histories in `folder` blocks of the store, then delete it.

    Interrupted ones are cut behind their last whole episode. May itself be interrupted at any
    point: blocks that are in the store already are passed over.
    """
    number = number_of(folder)
    described = [writer.metadata_of(block) for block in writer.finished_blocks]
    committed = {about[FIRST_ENVIRONMENT] for about in described if about[RECORDING] == number}
    try:
        description = json.loads((folder / DESCRIPTION_NAME).read_bytes())
        files = map_files(folder, writer.fields, int(description["histories"]))
        for part in parts_of(files, writer.fields):
            if part.start in committed:
                continue
            arrays, lengths = rows_of(files, part, only_whole_episodes=is_interrupted)
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
    """Name -> `[T, N, *item]` mapped, up to the last step that every file has whole."""
    every = kept_fields(fields)
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


def parts_of(files: Mapping[str, np.ndarray], fields: Mapping[str, Field]) -> Iterator[slice]:
    """Slices of the histories that are committed together, a function of their number and size."""
    steps, num_histories = files[IS_TRANSITION].shape
    history_bytes = steps * sum(field.item_bytes for field in fields.values())
    size = max(BLOCK_BYTES // max(history_bytes, 1), 1)
    for first in range(0, num_histories, size):
        yield slice(first, min(first + size, num_histories))


def rows_of(
    files: Mapping[str, np.ndarray], part: slice, *, only_whole_episodes: bool
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The transitions of the histories of `part` back to back, and their number in each."""
    keep = files[IS_TRANSITION][:, part].T != 0
    if only_whole_episodes:
        ends = keep & (files["boundary"][:, part].T != BOUNDARY_INSIDE)
        keep &= np.flip(np.maximum.accumulate(np.flip(ends, 1), axis=1), 1)
    fields = {name: rows for name, rows in files.items() if name != IS_TRANSITION}
    if keep.shape[0] == 1 and keep.all():  # the files as they are, which may exceed memory
        arrays = {name: rows[:, part.start] for name, rows in fields.items()}
    else:
        arrays = {name: rows[:, part].swapaxes(0, 1)[keep] for name, rows in fields.items()}
    return arrays, keep.sum(axis=1)
