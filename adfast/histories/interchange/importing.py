"""Import: foreign data become a history store, block by block.

The data are read twice: once to find what is wrong before anything is written, and once to write.
Killed, the import goes on with the blocks that are missing when it is called again.

Legend: H histories of a block, N transitions.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from adfast.durable import TEMPORARY_SUFFIX, discard, remove
from adfast.errors import ForeignDataError, InvalidArgument, byte_size
from adfast.histories.block import as_json, split_metadata
from adfast.histories.interchange.catalogue import find_format, format_of_source, holds_store
from adfast.histories.interchange.foreign import ForeignReader, Known, readable
from adfast.histories.interchange.survey import Survey, schema_of, survey
from adfast.histories.interchange.transitions import Ends, as_rows
from adfast.histories.store import HistoryStore, open_store, read_description
from adfast.histories.writer import HistoryWriter, create, sole_writer
from adfast.progress import ProgressBar, progress_bar
from adfast.tasks.fields import Field
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_choice, as_path

BLOCK_BYTES = 1 << 26
SCRATCH_NAME = f".import{TEMPORARY_SUFFIX}"  # in the store's folder, cleared by the next writer
IMPORTED = "imported"  # the entry of a store's description that says where it came from
ENDS = ("limit", "terminated", "truncated")


class BlockPlan(NamedTuple):
    """Which consecutive histories become a block, and what is said of them."""

    histories: range
    metadata: dict[str, Any]


def import_histories(
    source: str | Path,
    path: str | Path,
    *,
    format: str | None = None,
    num_actions: int | None = None,
    episode_length: int | None = None,
    observation_sizes: Sequence[int] | None = None,
    reward_dtype: str | None = None,
    ends: Ends = "limit",
    fresh: bool = False,
    show_progress: bool = False,
) -> HistoryStore:
    """The store in folder `path` that holds the histories of `source`, data of another tool.

    `format` is one of `FORMATS`, by default the one that `source` looks like. What data do not say
    is found out by reading them, unless it is given: `num_actions`, `episode_length` (the most
    steps of an episode), `observation_sizes` (of counted observations) and `reward_dtype`. Of data
    that say only that an episode is done, `ends` says how: "limit" means by the time limit where it
    has `episode_length` steps, by the task where it has fewer.

    Called again it goes on where it was interrupted; `fresh` begins anew, in place of what an
    earlier import has left in `path`, once `source` was found good. Raises `ForeignDataError`,
    before anything is written, for data that are damaged, of another layout, or unsafe to read;
    `InvalidArgument` for options that do not hold them, and for what `fresh` may not replace;
    `StoreError` where `path` holds something else.
    """
    source, path = as_path("source", source), as_path("path", path)
    ends = as_choice("ends", ends, ENDS)  # type: ignore[assignment]
    name = format_of_source(source, format)
    given = Known(
        None if observation_sizes is None else DiscreteObservation(tuple(observation_sizes)),
        num_actions,
        episode_length,
        reward_dtype,
    )
    with opened(source, name) as reader:
        found = surveyed(reader, show_progress=show_progress)
        schema = schema_of(found, what_is_known(reader.known, given))
        plans = list(plan_blocks(reader, found, schema.bytes_per_transition))
        require_space(source, path, found.starts[-1] * schema.bytes_per_transition)
        about = {"format": name, "source": source.name, "digest": found.digest, "ends": ends}
        description = as_json("description", {**reader.description, IMPORTED: about})
        total = found.starts[-1]
        if fresh:
            discard_import(source, path)
        with (
            create(path, schema, num_blocks=len(plans), description=description) as writer,
            progress_bar("import", total, shown=show_progress) as bar,
        ):
            for number, plan in enumerate(plans):
                if number not in writer.finished_blocks:
                    write_block(writer, number, plan, reader, schema, ends, bar, found)
                bar.advance_to(found.starts[plan.histories.stop])
    return open_store(path)


def discard_import(source: Path, path: Path) -> None:
    """Delete the store that an import has left in `path`, if there is a store.

    Raises `InvalidArgument` for any other store, and where `source` lies in it; `InUse` while
    somebody writes to it.
    """
    if not holds_store(path):
        return
    if IMPORTED not in read_description(path)[1]:
        raise InvalidArgument(
            f"{path} holds a store that was not imported, which is not deleted; give another place"
        )
    if source.resolve().is_relative_to(path.resolve()):
        raise InvalidArgument(f"{path} holds {source}, and is not deleted; give another place")
    with sole_writer(path):
        discard(path)


def opened(source: Path, name: str) -> ForeignReader:
    """A reader of data in the format `name`; raises `ForeignDataError`."""
    found = find_format(name)
    with readable(source):
        return found.open(source)


def surveyed(reader: ForeignReader, *, show_progress: bool) -> Survey:
    """What the data of `reader` hold."""
    with progress_bar("check", reader.num_histories, shown=show_progress) as bar:
        return survey(reader, bar)


def what_is_known(said: Known, given: Known) -> Known:
    """What data say of themselves, with what the caller says in its place."""
    return replace(
        said, **{name: value for name, value in vars(given).items() if value is not None}
    )


def plan_blocks(reader: ForeignReader, found: Survey, row_bytes: int) -> Iterator[BlockPlan]:
    """Blocks of consecutive histories of which the same is said, but for numbers of each."""
    begin, num_bytes, key = 0, 0, ""
    metadata: list[dict[str, Any]] = []
    for index, length in enumerate(found.lengths):
        said = metadata_of(reader, index)
        size = length * row_bytes
        alike = json.dumps({name: kind_of(value) for name, value in said.items()})
        if metadata and (alike != key or num_bytes + size > BLOCK_BYTES):
            yield BlockPlan(range(begin, index), together(metadata))
            begin, num_bytes, metadata = index, 0, []
        key = alike
        num_bytes += size
        metadata.append(said)
    yield BlockPlan(range(begin, len(found.lengths)), together(metadata))


def metadata_of(reader: ForeignReader, index: int) -> dict[str, Any]:
    """What the data say of a history, checked; raises `ForeignDataError`."""
    try:
        said = {
            name: as_json(name, value) for name, value in sorted(reader.metadata(index).items())
        }
        split_metadata(together([said]), 1)
    except InvalidArgument as error:
        raise ForeignDataError(f"{reader.path}: history {index}: {error}") from None
    return said


def kind_of(value: Any) -> Any:
    """What histories of a block must have in common of a metadata value."""
    return type(value).__name__ if isinstance(value, bool | int | float) else [value]


def together(metadata: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The metadata of a block: numbers as arrays of one for each history, the rest once."""
    joined: dict[str, Any] = {}
    for name, value in metadata[0].items():
        if isinstance(value, bool | int | float):
            joined[name] = np.array([said[name] for said in metadata])
        else:
            joined[name] = value
    return joined


def require_space(source: Path, path: Path, num_bytes: int) -> None:
    """Raise `ForeignDataError` where the disk has no room for a store of `num_bytes`."""
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise ForeignDataError(
            f"{source}: holds {byte_size(num_bytes)} of transitions, but {folder} has "
            f"{byte_size(free)} free; give a folder on a larger disk, or do not trust the data"
        )


def write_block(
    writer: HistoryWriter,
    number: int,
    plan: BlockPlan,
    reader: ForeignReader,
    schema: TransitionSchema,
    ends: Ends,
    bar: ProgressBar,
    found: Survey,
) -> None:
    """Read the histories of `plan` into files, and commit them as block `number`.

    Memory holds a piece of them at a time, however long they are.
    """
    before = found.starts[plan.histories.start]
    with Scratch(writer.path / SCRATCH_NAME, schema.fields) as scratch:
        for index in plan.histories:
            for rows in as_rows(reader.pieces(index), schema, ends):
                scratch.add(rows)
                bar.advance_to(before + scratch.num_rows)
        lengths = np.array([found.lengths[index] for index in plan.histories])
        if scratch.num_rows != lengths.sum():
            raise ForeignDataError(
                f"{reader.path}: changed while it was read; import it again when nobody writes it"
            )
        writer.append_block(number, scratch.arrays(), lengths, plan.metadata)


class Scratch(contextlib.AbstractContextManager["Scratch"]):
    """Rows of a block that is being read, in a file for each field; gone at the end."""

    def __init__(self, folder: Path, fields: Mapping[str, Field]) -> None:
        remove(folder)
        folder.mkdir()
        self.num_rows = 0
        self._folder = folder
        self._fields = fields
        self._files: dict[str, IO[bytes]] = {name: (folder / name).open("wb") for name in fields}

    def add(self, rows: Mapping[str, np.ndarray]) -> None:
        """Add `rows`, `[T, *item]` of each field."""
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(rows[name]).reshape(-1).view(np.uint8).data)
        self.num_rows += len(next(iter(rows.values())))

    def arrays(self) -> dict[str, np.ndarray]:
        """Name -> `[N, *item]`: all rows, mapped."""
        for file in self._files.values():
            file.flush()
        return {
            name: np.memmap(
                self._folder / name, field.dtype, "r", shape=(self.num_rows, *field.shape)
            )
            for name, field in self._fields.items()
        }

    def __exit__(self, *ended: object) -> None:
        for file in self._files.values():
            file.close()
        remove(self._folder)
