"""What a worker of a cluster does: it lays out the shard of a block, and writes it or hands it on.

The twin is `store_by_threads` in `adfast.collection.collect`: same blocks, same bytes. A worker
writes nothing but a file of its own beside the store's, named by the collection that asked for it:
the driver alone renames it and lists it, so what a worker that was given up still writes, of this
collection or of an earlier one, is never part of a store.
"""

from __future__ import annotations

import contextlib
import platform
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

import adfast
from adfast.collection.collect import compute_block, stored_part
from adfast.durable import TEMPORARY_SUFFIX, write_whole
from adfast.errors import ClusterError, WriteError
from adfast.histories.block import make_block
from adfast.histories.manifest import BlockRecord
from adfast.histories.shard import lay_out_shard
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import hash_of_sources

if TYPE_CHECKING:
    from adfast.collection.plan import CollectionPlan


@dataclass(frozen=True)
class Work:
    """What workers are told once: whose blocks they are, by which code, and where shards go."""

    plan: CollectionPlan
    code: dict[str, str]  # what the driver computes by
    folder: Path | None  # of the store, where all see it; None: shards are handed on
    token: str  # of this collection, in the names of what its workers write


def code_of(plan: CollectionPlan) -> dict[str, str]:
    """Name -> version or hash of whatever decides the histories of `plan`, in this process."""
    source = plan.source()
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: metadata.version(name) for name in ("numpy", "numba")},
        "adfast": f"{adfast.__version__} ({hash_of_package()})",
        type(plan.family).__name__: plan.family.source_hash,
        type(source).__name__: hash_of_sources(type(source).__module__),
    }


@lru_cache(1)
def hash_of_package() -> str:
    """A hash of adfast's own sources."""
    folder, digest = Path(adfast.__file__).parent, xxhash.xxh3_64()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@lru_cache(2)
def unpacked(packed: bytes) -> tuple[Work, SourceAlgorithm]:
    """The work and its source algorithm; raises `ClusterError` where other code is here."""
    import ray.cloudpickle

    try:
        work: Work = ray.cloudpickle.loads(packed)
        here = code_of(work.plan)
    except ImportError as error:
        raise ClusterError(f"{error}; install there what is installed here") from None
    for name, wanted in work.code.items():
        if here.get(name) != wanted:
            raise ClusterError(
                f"must have {name} {wanted}, as here, has {here.get(name)}; histories would "
                "differ: install the same on all nodes"
            )
    return work, work.plan.source()


def make_shard(packed: bytes, number: int) -> tuple[BlockRecord, str | np.ndarray]:
    """The record of block `number`, and its shard: the name of a file in the folder, or bytes.

    Raises `WriteError` where the file cannot be written; what is half written is removed.
    """
    work, source = unpacked(packed)
    schema = work.plan.schema.fields
    fields, lengths, columns = stored_part(
        work.plan, number, *compute_block(work.plan, source, number)
    )
    record, chunks = lay_out_shard(schema, number, make_block(schema, fields, lengths, columns))
    if work.folder is None:
        return record, np.frombuffer(b"".join(chunks), np.uint8)
    # Two may be at one block: one that a node which is cut off still computes, and its retry.
    name = f".{record.file_name}.{work.token}-{uuid.uuid4().hex}{TEMPORARY_SUFFIX}"
    written = work.folder / name
    try:
        write_whole(written, chunks, work.folder / record.file_name)
    except BaseException:
        with contextlib.suppress(OSError):
            written.unlink(missing_ok=True)
        raise
    return record, name


def what_prevents(packed: bytes, asked: str, answered: str) -> str | None:
    """What keeps this worker from the work, in words; None where nothing does.

    Where shards are written, the driver's file `asked` must be here, and its content is written
    back under the name `answered`.
    """
    try:
        work, _ = unpacked(packed)
    except ClusterError as error:
        return str(error)
    if work.folder is None:
        return None
    try:
        token = (work.folder / asked).read_bytes()
        write_whole(work.folder / answered, [token], work.folder / answered)
    except WriteError as error:
        return f"cannot write there: {error}"
    except OSError as error:
        return f"does not see {work.folder} as this machine does ({error.strerror}); {SHARE}"
    return None


def called_on_worker(name: str) -> Callable[..., Any]:
    """A function that calls `name` of this module, wherever it is called.

    It travels by value, so that a node without adfast can say so. Kernels have one thread, and a
    worker is one processor's: Numba is told before it is imported.
    """

    def call(*arguments: Any) -> Any:
        import os
        from importlib import import_module

        os.environ.setdefault("NUMBA_NUM_THREADS", "1")
        return getattr(import_module("adfast.collection.cluster.worker"), name)(*arguments)

    return call


SHARE = (
    "workers write shards there: choose a folder that all nodes share (--run), or let shards come "
    "back over the network (--pull)"
)
