"""Shards: blocks of complete histories as safetensors files.

Legend: H histories of the block, N transitions, M episodes. A shard's tensors, largest elements
first: `offsets` int64 `[H + 1]`, `episode_starts` uint64 `[M]` (rows at which an episode starts),
`metadata.<name>` `[H]`, and every field `[N, *item]`; of next observations that are kept once
those of F rows, `next_observation.rows` uint64 `[F]`. Its header is padded so that data starts at a
multiple of 4096, and is a function of the manifest's record: any other header is refused.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import xxhash

from adfast import _native
from adfast.durable import replace_file
from adfast.errors import StoreError
from adfast.histories.block import Block
from adfast.histories.manifest import FORMAT, BlockRecord
from adfast.histories.next_items import CONTINUED, may_be_kept_once
from adfast.histories.schema import EPISODE_STARTS, OFFSETS
from adfast.tasks.fields import Field

COLUMN_PREFIX = "metadata."
KEPT_ROWS = f"{CONTINUED}.rows"
HEADER_ALIGNMENT = 4096

SAFETENSORS_NAMES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}


class Tensor:
    """A tensor's place in a shard: dtype, shape and bytes [begin, end) of the data."""

    def __init__(self, dtype: np.dtype, shape: tuple[int, ...], begin: int) -> None:
        self.dtype = dtype
        self.shape = shape
        self.begin = begin
        self.end = begin + dtype.itemsize * math.prod(shape)


def place_tensors(fields: Mapping[str, Field], record: BlockRecord) -> dict[str, Tensor]:
    """Name -> tensor of the shard that `record` describes, in file order, without gaps."""
    shapes: dict[str, tuple[np.dtype, tuple[int, ...]]] = {
        OFFSETS: (np.dtype(np.int64), (record.histories + 1,))
    }
    if record.episodes is not None:
        shapes[EPISODE_STARTS] = (np.dtype(np.uint64), (record.episodes,))
    if record.kept is not None:
        shapes[KEPT_ROWS] = (np.dtype(np.uint64), (record.kept,))
    for name, dtype in record.columns.items():
        shapes[COLUMN_PREFIX + name] = (np.dtype(dtype), (record.histories,))
    for name, field in fields.items():
        kept = record.kept if name == CONTINUED else None
        rows = record.transitions if kept is None else kept
        shapes[name] = (field.dtype, (rows, *field.shape))
    tensors = {}
    begin = 0
    for name in sorted(shapes, key=lambda name: -shapes[name][0].itemsize):
        tensors[name] = Tensor(*shapes[name], begin)
        begin = tensors[name].end
    return tensors


def make_header(tensors: Mapping[str, Tensor], record: BlockRecord) -> bytes:
    """The safetensors header, its length included, padded to a multiple of 4096."""
    about = {"format": FORMAT, "version": str(record.version), "block": str(record.block)}
    entries: dict[str, object] = {"__metadata__": about}
    for name, tensor in tensors.items():
        entries[name] = {
            "dtype": SAFETENSORS_NAMES[tensor.dtype.name],
            "shape": tensor.shape,
            "data_offsets": [tensor.begin, tensor.end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    size = -(-(len(text) + 8) // HEADER_ALIGNMENT) * HEADER_ALIGNMENT - 8
    return size.to_bytes(8, "little") + text.ljust(size)


def write_shard(
    folder: Path,
    fields: Mapping[str, Field],
    number: int,
    block: Block,
) -> BlockRecord:
    """Write `block` as block `number` of the store, durably; its record for the manifest."""
    record, chunks = lay_out_shard(fields, number, block)
    replace_file(folder / record.file_name, chunks)
    return record


def lay_out_shard(
    fields: Mapping[str, Field], number: int, block: Block
) -> tuple[BlockRecord, list[bytes | memoryview]]:
    """The record of `block` as block `number` of a store, and the bytes of its shard."""
    episodes = None if block.episode_starts is None else len(block.episode_starts)
    record = BlockRecord(
        block=number,
        histories=block.num_histories,
        transitions=block.num_transitions,
        episodes=episodes,
        kept=None if block.kept_rows is None else len(block.kept_rows),
        num_bytes=1,
        xxh3="0" * 16,
        columns=block.column_dtypes,
        metadata=block.metadata,
    )
    content = {OFFSETS: block.offsets, **block.fields}
    content |= {COLUMN_PREFIX + name: column for name, column in block.columns.items()}
    if block.episode_starts is not None:
        content[EPISODE_STARTS] = block.episode_starts
    if block.kept_rows is not None:
        content[KEPT_ROWS] = block.kept_rows
    tensors = place_tensors(fields, record)
    bodies = (content[name].reshape(-1).view(np.uint8).data for name in tensors)
    chunks: list[bytes | memoryview] = [make_header(tensors, record), *bodies]
    digest = xxhash.xxh3_64()
    for chunk in chunks:
        digest.update(chunk)
    num_bytes = sum(len(chunk) for chunk in chunks)
    sealed = record.model_copy(update={"num_bytes": num_bytes, "xxh3": digest.hexdigest()})
    return sealed, chunks


def map_shard(folder: Path, fields: Mapping[str, Field], record: BlockRecord) -> Block:
    """The block in a shard, mapped read-only; raises `StoreError` unless it is what `record` says.

    Sizes, header and offsets are checked here; contents by `verify_shard`.
    """
    path = folder / record.file_name
    # Before it is mapped: reading behind the end of a shorter file would end the process.
    require_size(path, record)
    try:
        mapped = _native.MappedFile(os.fsencode(path), record.num_bytes)
    except OSError as error:
        raise StoreError(f"{path}: cannot be mapped: {error.strerror}") from error
    return parse_shard(np.frombuffer(memoryview(mapped), np.uint8), path, fields, record)


def require_size(path: Path, record: BlockRecord) -> None:
    """Raise `StoreError` unless the file `path` is as long as the shard that `record` describes."""
    try:
        file_bytes = path.stat().st_size
    except FileNotFoundError:
        raise StoreError(f"{path}: missing, but the manifest lists it; {REGENERATE}") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    if file_bytes != record.num_bytes:
        raise StoreError(
            f"{path}: must have {record.num_bytes} bytes, got {file_bytes}; {REGENERATE}"
        )


def parse_shard(
    mapping: np.ndarray, path: Path, fields: Mapping[str, Field], record: BlockRecord
) -> Block:
    """The block in `mapping`, the bytes of `path`; raises `StoreError` as `map_shard`."""
    if record.kept is not None and not may_be_kept_once(fields):
        raise StoreError(
            f"{path}: the manifest says that next observations are kept once, but observations are "
            f"of another kind; {REGENERATE}"
        )
    tensors = place_tensors(fields, record)
    header = make_header(tensors, record)
    expected_bytes = len(header) + max(tensor.end for tensor in tensors.values())
    if mapping.size != expected_bytes:
        raise StoreError(
            f"{path}: must have {expected_bytes} bytes to be what the manifest says, "
            f"got {mapping.size}; {REGENERATE}"
        )
    if mapping[: len(header)].tobytes() != header:
        raise StoreError(f"{path}: damaged: its header is not the manifest's; {REGENERATE}")
    data = mapping[len(header) :]
    arrays = {
        name: data[tensor.begin : tensor.end].view(tensor.dtype).reshape(tensor.shape)
        for name, tensor in tensors.items()
    }
    offsets = arrays[OFFSETS]
    if offsets[0] != 0 or offsets[-1] != record.transitions or (offsets[1:] <= offsets[:-1]).any():
        raise StoreError(
            f"{path}: damaged: offsets must increase from 0 to {record.transitions}; {REGENERATE}"
        )
    kept_rows = arrays.get(KEPT_ROWS)
    if kept_rows is not None:
        require_kept_rows(kept_rows, path, record)
    return Block(
        fields={name: arrays[name] for name in fields},
        offsets=offsets,
        episode_starts=arrays.get(EPISODE_STARTS),
        columns={name: arrays[COLUMN_PREFIX + name] for name in record.columns},
        metadata=dict(record.metadata),
        kept_rows=kept_rows,
    )


def require_kept_rows(rows: np.ndarray, path: Path, record: BlockRecord) -> None:
    """Raise `StoreError` unless a shard says of each row where its next observation is."""
    if rows[-1] != record.transitions - 1 or (rows[1:] <= rows[:-1]).any():
        raise StoreError(
            f"{path}: damaged: {KEPT_ROWS} must increase to {record.transitions - 1}, the last of "
            f"all rows; {REGENERATE}"
        )


def verify_shard(folder: Path, record: BlockRecord) -> None:
    """Read the whole shard; raises `StoreError` if its checksum is not the manifest's."""
    path = folder / record.file_name
    try:
        with path.open("rb") as file:
            require_digest(path, iter(lambda: file.read(1 << 24), b""), record)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}; {REGENERATE}") from error


def require_digest(path: Path, chunks: Iterable[bytes | memoryview], record: BlockRecord) -> None:
    """Raise `StoreError` unless `chunks`, the content of `path`, have the checksum of `record`."""
    digest = xxhash.xxh3_64()
    for chunk in chunks:
        digest.update(chunk)
    if digest.hexdigest() != record.xxh3:
        raise StoreError(
            f"{path}: damaged: its xxh3 must be {record.xxh3}, got {digest.hexdigest()}; "
            f"{REGENERATE}"
        )


REGENERATE = (
    "restore the file from a copy, or delete it and collect again: only its block is regenerated"
)
