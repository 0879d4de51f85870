"""HistoryStore: learning histories on disk (or in memory), sampled through memory maps.

A store is a folder of immutable shards and a manifest; `docs/history-format.md` is the format. Its
histories are ordered by block, then within the block, whatever the order of their writing, so that
collecting in parallel or in several goes leads to the same draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from adfast import _native
from adfast.errors import InvalidArgument, StoreError, UnknownName, shown
from adfast.histories.block import Block, as_json, make_block
from adfast.histories.manifest import FILE_NAME, Manifest, read_manifest
from adfast.histories.next_items import CONTINUED, FOLLOWED
from adfast.histories.schema import Schema, check_schema, describe_fields, read_schema
from adfast.histories.shard import lay_out_shard, map_shard, verify_shard
from adfast.histories.windows import WindowSampler
from adfast.values import as_flag, as_integer, as_path, require_kind

WHOLE = slice(None)


class HistoryStore(WindowSampler):
    """Complete histories that never change; made by `open_store` and `from_arrays`.

    `description` is what the writer said of the whole store (family, split, recipe), `path` is its
    folder or None.
    """

    def __init__(
        self,
        schema: Schema,
        blocks: Sequence[Block],
        *,
        block_numbers: Sequence[int],
        description: Mapping[str, Any],
        path: Path | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        fields = check_schema(schema)
        self.path = path
        self.description = dict(description)
        self._blocks = list(blocks)
        self._block_numbers = np.asarray(block_numbers, np.int64)
        self._manifest = manifest
        counts = [block.num_histories for block in blocks]
        self._first_history = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        lanes = _native.fixed_lanes(
            item_bytes=[field.item_bytes for field in fields.values()],
            columns=[[columns_of(block)[name] for name in fields] for block in blocks],
            rows=[block.num_transitions for block in blocks],
            offsets=[block.offsets for block in blocks],
            episode_starts=[block.episode_starts for block in blocks],
        )
        if any(block.kept_rows is not None for block in blocks):
            order = list(fields)
            lanes.let_continue(order.index(CONTINUED), order.index(FOLLOWED))
        for lane, block in enumerate(blocks):
            if block.kept_rows is not None:
                lanes.keep(lane, block.kept_rows, block.fields[CONTINUED])
        super().__init__(schema, lanes)

    def __repr__(self) -> str:
        place = "in memory" if self.path is None else f"in {str(self.path)!r}"
        whole = "" if self.is_complete else ", incomplete"
        return (
            f"<HistoryStore {place}{whole}: {self.num_transitions:,} transitions of "
            f"{self.num_histories:,} histories; {describe_fields(self._fields)}>"
        )

    @property
    def num_histories(self) -> int:
        """Histories of the store."""
        return int(self._first_history[-1])

    @property
    def num_transitions(self) -> int:
        """Transitions of all its histories."""
        return sum(block.num_transitions for block in self._blocks)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks in order, each with its metadata; views of what is stored."""
        return tuple(self._blocks)

    @property
    def num_bytes(self) -> int:
        """Bytes of the transitions, without offsets, metadata and padding."""
        return sum(block.num_bytes for block in self._blocks)

    @property
    def is_complete(self) -> bool:
        """True unless blocks that the writer declared are missing."""
        return self._manifest is None or self._manifest.is_complete

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64 `[num_histories]`: transitions of each history."""
        parts = [np.diff(block.offsets) for block in self._blocks]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    @cached_property
    def metadata(self) -> dict[str, np.ndarray]:
        """Name -> `[num_histories]`: what was said of each history, and its `block`.

        Values that a writer gave once for a block are repeated: as numbers or strings where all
        blocks agree on the kind, otherwise as objects. Only names that every block has are here.
        """
        counts = [block.num_histories for block in self._blocks]
        columns = {"block": np.repeat(self._block_numbers, counts)}
        if not self._blocks:
            return columns
        names = {**self._blocks[0].columns, **self._blocks[0].metadata}
        for name in names:
            parts = [values_of(block, name) for block in self._blocks if has_value(block, name)]
            if len(parts) == len(self._blocks):
                columns[name] = np.concatenate(parts)
        return columns

    @cached_property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: how many histories these are, and a digest of what they hold.

        It is the same for a store on disk and in memory; only the latter has to be read for it.
        """
        digests = (
            [record.xxh3 for record in self._manifest.blocks]
            if self._manifest is not None
            else [
                lay_out_shard(self._fields, int(number), block)[0].xxh3
                for number, block in zip(self._block_numbers, self._blocks, strict=True)
            ]
        )
        return {
            "histories": self.num_histories,
            "transitions": self.num_transitions,
            "digest": xxhash.xxh3_64_hexdigest(" ".join(digests).encode()),
        }

    def history(
        self, index: int, names: Iterable[str] | None = None, *, rows: slice = WHOLE
    ) -> dict[str, np.ndarray]:
        """Name -> `[T, *item]`: read-only views of one history; raises `InvalidArgument`.

        `names` are those of fields, by default all; `rows` a part of the history, one after the
        other. Large next observations, of which a store keeps those that the next row does not
        show, are put together in a new array.
        """
        names = as_names(names, self._fields)
        block, place = self._place(index)
        begin, end, step = rows.indices(block.length(place))
        if step != 1:
            raise InvalidArgument(f"rows must follow each other, got {shown(rows)}")
        first = int(block.offsets[place])
        return block.take(slice(first + begin, first + max(begin, end)), names)

    def metadata_of(self, index: int) -> dict[str, Any]:
        """Name -> JSON value: all that was said of one history; raises `InvalidArgument`."""
        block, place = self._place(index)
        own = {name: values[place].item() for name, values in block.columns.items()}
        return {**block.metadata, **own}

    def _place(self, index: int) -> tuple[Block, int]:
        """The block of history `index`, and its place there."""
        if self.num_histories == 0:
            raise InvalidArgument("history index must be that of a history, but there are none")
        index = as_integer("history index", index, 0, self.num_histories - 1)
        number = int(np.searchsorted(self._first_history, index, side="right")) - 1
        return self._blocks[number], index - int(self._first_history[number])

    def with_blocks(self, blocks: Sequence[Block], schema: Schema | None = None) -> HistoryStore:
        """A store in memory with other `blocks` in the place of these, one for each.

        They have the fields of `schema`, by default those of the store.
        """
        numbers = self._block_numbers.tolist()
        return HistoryStore(
            schema or self.schema, blocks, block_numbers=numbers, description=self.description
        )

    def verify(self) -> int:
        """Read every shard against its checksum; the bytes read. Raises `StoreError`."""
        if self.path is None or self._manifest is None:
            return 0
        for record in self._manifest.blocks:
            verify_shard(self.path, record)
        return sum(record.num_bytes for record in self._manifest.blocks)

    def __copy__(self) -> HistoryStore:
        """Itself, since it never changes."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> HistoryStore:
        """Itself, since it never changes."""
        return self

    def __reduce__(self) -> Any:
        """Its folder and what it holds: in another process it is opened again."""
        if self.path is None or self._manifest is None:
            raise InvalidArgument(
                "histories in memory cannot be sent to another process; write them into a folder "
                '(histories.create) and open that, or begin the process by "fork"'
            )
        return open_again, (self.path.absolute(), self._manifest)


def as_names(names: Any, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """`names` as names of fields, all of them where None; raises `InvalidArgument` for others."""
    if names is None:
        return tuple(fields)
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InvalidArgument(f"names must be a list of names of fields, got {shown(names)}")
    listed = tuple(names)
    for name in listed:
        if not isinstance(name, str) or name not in fields:
            raise UnknownName("field", shown(name), fields)
    return listed


def columns_of(block: Block) -> dict[str, np.ndarray]:
    """Name -> `[N, *item]`: what lies in memory; a field that continues another has its rows."""
    is_kept_once = block.kept_rows is not None
    return block.fields | ({CONTINUED: block.fields[FOLLOWED]} if is_kept_once else {})


def has_value(block: Block, name: str) -> bool:
    """True if the block has a metadata value of that name."""
    return name in block.columns or name in block.metadata


def values_of(block: Block, name: str) -> np.ndarray:
    """`[H]`: the values of one metadata name in a block that has it."""
    if name in block.columns:
        return block.columns[name]
    value = block.metadata[name]
    if isinstance(value, bool | int | float | str):
        return np.full(block.num_histories, value)
    values = np.empty(block.num_histories, object)
    for index in range(block.num_histories):
        values[index] = value
    return values


def open_store(path: str | Path, *, allow_incomplete: bool = False) -> HistoryStore:
    """The store in folder `path`, mapped, not read.

    Raises `StoreError` if it is missing, damaged, of a newer format, or incomplete: with
    `allow_incomplete` the committed blocks are opened all the same.
    """
    path = as_path("path", path)
    allow_incomplete = as_flag("allow_incomplete", allow_incomplete)
    manifest = read_manifest(path)
    if not manifest.is_complete and not allow_incomplete:
        raise StoreError(
            f"{path}: incomplete: {len(manifest.blocks)} of {manifest.num_blocks or 'unknown'} "
            "blocks are committed; run the command that collects it again to go on where it "
            "stopped, or open it with allow_incomplete=True"
        )
    return map_store(path, manifest)


def open_again(path: Path, manifest: Manifest) -> HistoryStore:
    """The store in folder `path` with the blocks of `manifest`, as another process opened it.

    Raises `StoreError` where it is no longer the same; blocks that were added since do not count.
    """
    found = read_manifest(path)
    blocks = {record.block: record for record in found.blocks}
    is_same = found.schema_description == manifest.schema_description and all(
        blocks.get(record.block) == record for record in manifest.blocks
    )
    if not is_same:
        raise StoreError(
            f"{path}: holds other histories than when the process that sent it opened it; open it "
            "there again"
        )
    return map_store(path, manifest)


def map_store(path: Path, manifest: Manifest) -> HistoryStore:
    """The store in folder `path` with the blocks of `manifest`; raises `StoreError`."""
    schema = schema_of(path, manifest)
    fields = check_schema(schema)
    return HistoryStore(
        schema,
        [map_shard(path, fields, record) for record in manifest.blocks],
        block_numbers=[record.block for record in manifest.blocks],
        description=manifest.description,
        path=path,
        manifest=manifest,
    )


def holds_whole_store(path: Path) -> bool:
    """Whether folder `path` holds a complete store with all its shards; raises as `open_store`."""
    path = as_path("path", path)
    if not (path / FILE_NAME).exists():
        return False
    manifest = read_manifest(path)
    return manifest.is_complete and all(
        (path / record.file_name).exists() for record in manifest.blocks
    )


def read_description(path: str | Path) -> tuple[Schema, dict[str, Any]]:
    """The schema of the store in folder `path` and what its writer said of it, complete or not."""
    manifest = read_manifest(Path(path))
    return schema_of(Path(path), manifest), dict(manifest.description)


def schema_of(path: Path, manifest: Manifest) -> Schema:
    """The schema that the manifest describes; raises `StoreError` if there is none such."""
    try:
        return read_schema(manifest.schema_description)
    except InvalidArgument as error:
        raise StoreError(f"{path}: the manifest's schema is not valid: {error}") from None


def from_arrays(
    schema: Schema,
    arrays: Mapping[str, np.ndarray],
    lengths: np.ndarray,
    metadata: Mapping[str, Any] | None = None,
    description: Mapping[str, Any] | None = None,
) -> HistoryStore:
    """A store of one block in memory; arrays and metadata as in `HistoryWriter.append_block`.

    Flat and full padded arrays are kept, not copied: they must not be written to afterwards.

    Raises `InvalidArgument` for arrays that do not fit the schema, numbers that are not finite and
    values outside the schema.
    """
    block = make_block(check_schema(schema), arrays, lengths, {} if metadata is None else metadata)
    described = as_json("description", {} if description is None else description)
    require_kind("description", described, Mapping, "names and values")
    return HistoryStore(schema, [block], block_numbers=[0], description=described)
