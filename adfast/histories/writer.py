"""HistoryWriter: adds blocks to a store, each one either durably there or not at all.

A block is acknowledged (`append_block` returns) when its shard and the manifest that lists it are
on disk. Whatever interrupts the writing, the store opens, and `create` with the same arguments goes
on: shards that no manifest lists and temporary files are removed, finished blocks are known.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from adfast.closing import Closing
from adfast.config import list_differences
from adfast.durable import adopt_file, clear_leftovers, replace_file
from adfast.errors import InUse, InvalidArgument, StoreError
from adfast.histories.block import as_json, make_block
from adfast.histories.manifest import (
    FILE_NAME,
    MAX_BLOCKS,
    BlockRecord,
    Manifest,
    read_manifest,
    write_manifest,
)
from adfast.histories.next_items import KeptItems
from adfast.histories.schema import Schema, check_schema, describe_fields, describe_schema
from adfast.histories.shard import require_digest, require_size, write_shard
from adfast.locks import LOCK_NAME, FolderLocked, folder_lock
from adfast.tasks.fields import Field
from adfast.values import as_count, as_flag, as_integer, as_path, require_kind


def create(
    path: str | Path,
    schema: Schema,
    *,
    num_blocks: int | None = None,
    is_open_ended: bool = False,
    description: Mapping[str, Any] | None = None,
) -> HistoryWriter:
    """A writer for the store in folder `path`: a new one, or the same one begun earlier.

    The store is complete when it has blocks 0 to `num_blocks - 1`, or where that is not known
    beforehand, when `finish` is called. An open-ended one is complete after every block, and may be
    gone on with at any time. `description` is any JSON that describes the whole.

    Raises `InUse` if another writer has the store open, and `StoreError` if it was begun with
    another schema, description or number of blocks, or if the folder holds something else.
    """
    described = as_json("description", {} if description is None else description)
    require_kind("description", described, dict, "names and values")
    if num_blocks is not None:
        num_blocks = as_count("num_blocks", num_blocks, MAX_BLOCKS)
    is_open_ended = as_flag("is_open_ended", is_open_ended)
    return HistoryWriter(as_path("path", path), schema, num_blocks, is_open_ended, described)


class HistoryWriter(Closing):
    """The one writer of a store; a context manager. Made by `create`.

    It is of the process that made it: forked children cannot write, and closing it there lets
    nobody else in.
    """

    def __init__(
        self,
        path: Path,
        schema: Schema,
        num_blocks: int | None,
        is_open_ended: bool,
        description: dict[str, Any],
    ) -> None:
        self.path = path
        self.is_open_ended = is_open_ended
        self._fields = check_schema(schema)
        wanted = Manifest.from_mapping(
            {
                **describe_schema(schema),
                "description": description,
                "num_blocks": num_blocks,
                "blocks": [],
            }
        )
        self._process = os.getpid()
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(sole_writer(path))
        try:
            self._manifest = self._begin_or_resume(wanted)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        declared = "" if self._manifest.num_blocks is None else f" of {self._manifest.num_blocks}"
        return (
            f"<HistoryWriter of {str(self.path)!r}: {len(self.finished_blocks)}{declared} blocks; "
            f"{describe_fields(self._fields)}>"
        )

    @property
    def fields(self) -> dict[str, Field]:
        """Name -> field, as the store keeps them."""
        return dict(self._fields)

    @property
    def finished_blocks(self) -> frozenset[int]:
        """Numbers of the blocks that are durably in the store."""
        return frozenset(record.block for record in self._manifest.blocks)

    @property
    def is_complete(self) -> bool:
        """True when every declared block is in the store."""
        return self._manifest.is_complete

    @property
    def next_block(self) -> int:
        """The lowest number that no block has."""
        finished = self.finished_blocks
        return next(number for number in range(len(finished) + 1) if number not in finished)

    def metadata_of(self, block_index: int) -> dict[str, Any]:
        """What was said of all histories of a finished block."""
        (record,) = (record for record in self._manifest.blocks if record.block == block_index)
        return dict(record.metadata)

    def append_block(
        self,
        block_index: int,
        arrays: Mapping[str, np.ndarray | KeptItems],
        lengths: np.ndarray,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Add block `block_index`; durable on return. Blocks may come in any order.

        `arrays` are flat, `[sum of lengths, *item]`, or padded, `[H, T, *item]` with the first
        `lengths[h]` rows of history h valid. In `metadata` a NumPy array holds one number per
        history (`task_id`, `seed`), any other JSON value is for the whole block (`algorithm`).

        Raises `InvalidArgument` for arrays that do not fit the schema, numbers that are not finite,
        values outside the schema or a block that is already there, `WriteError` if the disk is full
        or not writable.
        """
        self._require_own_process()
        limit = None if self.is_open_ended else self._manifest.num_blocks
        block_index = as_integer("block_index", block_index, 0, (limit or MAX_BLOCKS) - 1)
        self._require_new(block_index)
        block = make_block(self._fields, arrays, lengths, {} if metadata is None else metadata)
        record = write_shard(self.path, self._fields, block_index, block)
        if self.is_open_ended:
            limit = max(*self.finished_blocks, block_index, -1) + 1
        self._commit([*self._manifest.blocks, record], limit)

    def take_shard(self, record: BlockRecord, shard: Path | np.ndarray) -> None:
        """Add a block that another process laid out (`lay_out_shard`); durable on return.

        `shard` is its bytes, uint8, or the file beside the store's own that has them, whole and
        synced, which becomes the store's. Raises `StoreError` where they are not what `record`
        says, `InvalidArgument` for a block that is already there, `WriteError`.
        """
        self._require_own_process()
        self._require_new(record.block)
        path = self.path / record.file_name
        if isinstance(shard, Path):
            require_size(shard, record)
            adopt_file(shard, path)
        else:
            require_digest(path, [shard.data], record)
            replace_file(path, [shard.data])
        self._commit([*self._manifest.blocks, record], self._manifest.num_blocks)

    def finish(self) -> None:
        """Declare the store complete with the blocks that it has; raises `StoreError` on a gap."""
        self._require_own_process()
        numbers = sorted(self.finished_blocks)
        expected = self._manifest.num_blocks or len(numbers)
        missing = sorted(set(range(expected)) - set(numbers))
        if missing or not numbers:
            raise StoreError(
                f"{self.path}: blocks {missing or [0]} are missing; append them before finish()"
            )
        self._commit(self._manifest.blocks, expected)

    def close(self) -> None:
        """Let another writer open the store."""
        self._lock.close()

    def __reduce__(self) -> NoReturn:
        raise InvalidArgument(
            "a history writer cannot be copied or sent to another process: one writer has a store "
            "open; append what other processes computed in the one that has it"
        )

    def _require_new(self, block_index: int) -> None:
        if block_index in self.finished_blocks:
            raise InvalidArgument(
                f"block {block_index} is already in {self.path}; skip the writer's finished_blocks"
            )

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            raise InvalidArgument(
                f"{self.path}: its writer works in process {self._process} that made it, not in "
                "forked children; write there, or into another store"
            )

    def _commit(self, records: list[BlockRecord], num_blocks: int | None) -> None:
        ordered = sorted(records, key=lambda record: record.block)
        manifest = self._manifest.model_copy(update={"blocks": ordered, "num_blocks": num_blocks})
        write_manifest(self.path, manifest)
        self._manifest = manifest

    def _begin_or_resume(self, wanted: Manifest) -> Manifest:
        """The manifest to go on from, with the folder cleared of what it does not list."""
        clear_leftovers(self.path)
        if not (self.path / FILE_NAME).exists():
            others = sorted({entry.name for entry in self.path.iterdir()} - {LOCK_NAME})
            if others:
                raise StoreError(
                    f"{self.path}: must be an empty folder or a history store, but has no "
                    f"{FILE_NAME} and holds {', '.join(others[:5])}; choose another folder"
                )
            write_manifest(self.path, wanted)
            return wanted
        found = read_manifest(self.path)
        for name in ("fields", "transition", "description", "num_blocks"):
            before, now = getattr(found, name), getattr(wanted, name)
            if before != now and not (name == "num_blocks" and now is None):
                differences = list_differences({name: before}, {name: now})
                raise StoreError(
                    f"{self.path}: was begun otherwise ({'; '.join(differences)}); choose another "
                    "folder, or delete this one to collect anew"
                )
        kept = [record for record in found.blocks if (self.path / record.file_name).exists()]
        listed = {record.file_name for record in kept}
        for shard in self.path.glob("block-*.safetensors"):
            if shard.name not in listed:
                shard.unlink()
        if kept != found.blocks:
            found = found.model_copy(update={"blocks": kept})
            write_manifest(self.path, found)
        return found


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Make the folder and hold its lock; raises `InUse` if another writer holds it."""
    with contextlib.ExitStack() as lock:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.enter_context(folder_lock(folder))
        except FolderLocked as holder:
            raise InUse(
                f"{folder}: another writer has this store open: {holder}; or write to another "
                "folder"
            ) from None
        except OSError as error:
            raise StoreError(
                f"{folder}: cannot be written to: {error.strerror}; choose a folder that you may "
                "write"
            ) from error
        yield
