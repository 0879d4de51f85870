"""Reads rows of Parquet files, from the first to the last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import (
    ForeignReader,
    Known,
    Piece,
    require_inside,
    rows_at_a_time,
)
from adfast.histories.interchange.formats.parquet.layout import (
    HISTORY,
    METADATA,
    NEEDED,
    OTHERS,
    OWN,
)
from adfast.histories.interchange.own_words import parse_words

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_BYTES = 64


@dataclass
class ParquetReader(ForeignReader):
    """Reads files of rows, from the first to the last."""

    files: list[Path] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    starts: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))  # [H + 1]
    said: list[dict[str, Any]] = field(default_factory=list)
    cursor: RowCursor | None = None

    @property
    def num_histories(self) -> int:
        """Runs of rows of one `history`."""
        return len(self.starts) - 1

    def say(self, index: int) -> dict[str, Any]:
        """What the column `metadata` says in the first row of the history."""
        return self.said[index] if self.said else {}

    def read(self, index: int) -> Iterator[Piece]:
        """Its rows, some at a time; those of histories in order are read once."""
        begin, end = int(self.starts[index]), int(self.starts[index + 1])
        if self.cursor is None or self.cursor.position != begin:
            self.cursor = RowCursor(self.files, self.columns, begin)
        for batch in self.cursor.until(end):
            arrays = {name: as_numpy(batch.column(name), name) for name in self.columns}
            yield Piece(**arrays)


def open_rows(path: Path) -> ParquetReader:
    """A reader of a file or a folder; finds where histories begin."""
    import pyarrow.parquet as pq

    is_folder = path.is_dir()
    files = sorted(path.glob("*.parquet")) if is_folder else [path]
    for file in files:
        require_inside(path if is_folder else path.parent, file)
    schema = pq.read_schema(files[0])
    missing = [name for name in NEEDED if name not in schema.names]
    if missing:
        raise ForeignDataError(
            f"{path}: must have columns {', '.join(NEEDED)}; missing: {', '.join(missing)}; "
            f"there: {', '.join(schema.names)}"
        )
    columns = tuple(name for name in (*NEEDED, *OTHERS) if name in schema.names)
    if {"terminated", "truncated"} <= {*columns}:
        columns = tuple(name for name in columns if name != "done")
    elif "done" in columns:
        columns = tuple(name for name in columns if name not in ("terminated", "truncated"))
    else:
        raise ForeignDataError(
            f"{path}: must say how episodes end by columns terminated and truncated, or done"
        )
    starts, said = histories_in(files, schema.names)
    words = (schema.metadata or {}).get(OWN)
    known, description = Known(), dict[str, Any]()
    if words is not None:
        own_schema, description = parse_words(words, path)
        known = Known.of(own_schema)
    return ParquetReader(
        path, known, description, files, columns, starts, said, must_count_steps=words is None
    )


class RowCursor:
    """Goes through the rows of several files from row `position` on."""

    def __init__(self, files: list[Path], columns: tuple[str, ...], position: int) -> None:
        self.position = position
        self._batches = batches_from(files, columns, position)
        self._held: pa.RecordBatch | None = None

    def until(self, end: int) -> Iterator[pa.RecordBatch]:
        """Batches of the rows up to `end`."""
        while self.position < end:
            batch = self._held if self._held is not None else next(self._batches, None)
            if batch is None:
                raise EOFError("there are fewer rows than at first")
            count = min(batch.num_rows, end - self.position)
            self._held = batch.slice(count) if count < batch.num_rows else None
            self.position += count
            yield batch.slice(0, count)


def batches_from(
    files: list[Path], columns: tuple[str, ...], position: int
) -> Iterator[pa.RecordBatch]:
    """The rows from `position` on, a batch after the other; row groups before it are not read."""
    import pyarrow.parquet as pq

    for path in files:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                about = file.metadata.row_group(group)
                if position >= about.num_rows:
                    position -= about.num_rows
                    continue
                packed = about.total_byte_size // max(about.num_rows, 1)
                unpacked = sum(bytes_of(file.schema_arrow.field(name).type) for name in columns)
                batches = file.iter_batches(
                    rows_at_a_time(max(packed, unpacked)),
                    row_groups=[group],
                    columns=list(columns),
                    use_threads=False,
                )
                for batch in batches:
                    passed = min(position, batch.num_rows)
                    position -= passed
                    if passed < batch.num_rows:
                        yield batch.slice(passed)


def bytes_of(kind: pa.DataType) -> int:
    """Bytes of a value, about: text and lists of any length count as a few."""
    import pyarrow as pa

    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size) * bytes_of(kind.value_type)
    try:
        return max(int(kind.bit_width) // 8, 1)
    except ValueError:
        return TEXT_BYTES


def histories_in(files: list[Path], names: list[str]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """int64 `[H + 1]`: the row at which each history begins; and what is said of each, if it is.

    Raises `ForeignDataError` for a history whose rows in a file do not follow each other.
    """
    wanted = tuple(name for name in (HISTORY, METADATA) if name in names)
    first = ("action",) if HISTORY not in names else wanted
    starts: list[int] = []
    said: list[dict[str, Any]] = []
    num_rows, newest = 0, None
    for file in files:
        passed: set[Any] = set()  # numbers of this file
        for batch in batches_from([file], first, 0):
            if HISTORY in names:
                numbers = as_numpy(batch.column(HISTORY), HISTORY)
                is_new = np.ones(len(numbers), bool)
                is_new[1:] = numbers[1:] != numbers[:-1]
                is_new[0] = numbers[0] != newest
                passed |= set() if is_new[0] else {newest}
                begins = np.flatnonzero(is_new)
                require_new(file, numbers[begins].tolist(), passed)
                newest = numbers[-1].item()
                starts += (begins + num_rows).tolist()
                if METADATA in names:
                    texts = batch.column(METADATA).take(pa_numbers(begins)).to_pylist()
                    said += [parse_said(text) for text in texts]
            elif not starts:
                starts.append(0)
            num_rows += batch.num_rows
    return np.array([*starts, num_rows], np.int64), said


def require_new(file: Path, begun: list[Any], passed: set[Any]) -> None:
    """Add histories that begin to those that have `passed`; raise `ForeignDataError` for one again.

    What is no number is unlike itself, and each row would begin a history.
    """
    for number in begun:
        if number in passed or number != number:
            raise ForeignDataError(
                f"{file}: the rows of history {number} do not follow each other; sort the data by "
                "history, rows of each in the order in which they were lived"
            )
        passed.add(number)


def as_numpy(array: pa.Array, name: str) -> np.ndarray:
    """A column as `[T, *item]`; raises `ForeignDataError` for what is missing or uneven."""
    import pyarrow as pa

    count = len(array)
    shape: list[int] = []
    while True:
        if array.null_count:
            raise ForeignDataError(f'column "{name}" must have a value in each row')
        kind = array.type
        if pa.types.is_fixed_size_list(kind):
            shape.append(kind.list_size)
            array = array.flatten()
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            lengths = np.unique(array.value_lengths().to_numpy(zero_copy_only=False))
            if len(lengths) != 1:
                raise ForeignDataError(
                    f'column "{name}" must have lists of one length, got {lengths[:5].tolist()}'
                )
            shape.append(int(lengths[0]))
            array = array.flatten()
        else:
            break
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ForeignDataError(f'column "{name}" must be numbers or lists of them, got {kind}')
    return np.asarray(array.to_numpy(zero_copy_only=False)).reshape(count, *shape)


def pa_numbers(numbers: np.ndarray) -> pa.Array:
    """`numbers` for Arrow."""
    import pyarrow as pa

    return pa.array(numbers)


def parse_said(text: Any) -> dict[str, Any]:
    """What the column `metadata` says in a row; raises `ValueError`."""
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError('column "metadata" must be JSON objects')
    return said
