"""Distributed checkpoints: written by processes that have shares, read by any number of them.

`checkpoints/update-00000400.distributed/` is a folder of torch's distributed checkpoint, to which
every process writes its share, and `training.json`, which says what it is of and the checksum of
each file. The folder is complete or absent. Torch's own list of contents is pickled: it is resumed
from by whoever wrote it, and no model is loaded from it.
"""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from adfast.durable import (
    adopt_file,
    clear_leftovers,
    not_written,
    replace_file,
    temporary_name,
)
from adfast.errors import CheckpointError
from adfast.training.parallel.processes import Processes

DOCUMENT = "training.json"
FORMAT_VERSION = 1
READ_BYTES = 1 << 22


def write_distributed(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any], processes: Processes
) -> None:
    """Write `tensors`, of which each process has its share, and `metadata` as the folder `path`.

    Done by all processes, on storage that all see. Raises `WriteError`, in all of them.
    """
    temporary = temporary_name(path)

    def prepare() -> None:
        with explained(path):
            clear_leftovers(path.parent)
            temporary.mkdir()

    def finish() -> None:
        checksums = {file.name: checksum(file) for file in sorted(temporary.iterdir())}
        document = {**metadata, "files": checksums, "format_version": FORMAT_VERSION}
        replace_file(temporary / DOCUMENT, [json.dumps(document).encode()])
        adopt_file(temporary, path)

    processes.first(prepare)
    with explained(path):
        save(
            dict(tensors),
            storage_writer=FileSystemWriter(temporary),
            no_dist=processes.is_alone,
        )
    processes.first(finish)


def read_document(path: Path, processes: Processes) -> dict[str, Any]:
    """The metadata of the folder `path`; raises `CheckpointError` where any of it is damaged."""

    def read() -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((path / DOCUMENT).read_bytes())
            version, files = int(document.pop("format_version")), dict(document.pop("files"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path / DOCUMENT}: missing or damaged ({error!r})") from None
        if version > FORMAT_VERSION:
            raise CheckpointError(
                f"{path}: format {version} is newer than {FORMAT_VERSION}, which this adfast "
                "reads; update adfast"
            )
        for name, expected in files.items():
            file = path / Path(name).name
            if not file.is_file() or checksum(file) != expected:
                raise CheckpointError(f"{file}: missing, or does not match its checksum")
        return document

    return processes.first(read)


def read_distributed(path: Path, into: Mapping[str, Tensor], processes: Processes) -> None:
    """Fill the tensors `into`, whole or shares, from the folder `path`, by their names.

    Any number of processes may have written it. Raises `CheckpointError` where one is not there.
    """
    try:
        with warnings.catch_warnings():
            # That one process reads what several wrote is what is asked for.
            warnings.filterwarnings("ignore", "torch.distributed is disabled")
            load(
                dict(into),
                storage_reader=FileSystemReader(path),
                no_dist=processes.is_alone,
            )
    except (CheckpointException, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: a checkpoint of another model, or damaged ({first_reason(error)}); build the "
            "model with the configuration that the checkpoint was trained with"
        ) from error


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what torch raises when a share could not be written into a `WriteError`."""
    try:
        yield
    except (CheckpointException, OSError) as error:
        raise not_written(path, "write it", first_reason(error)) from error


def first_reason(error: BaseException) -> str:
    """What went wrong in the first process of which `error` tells."""
    if isinstance(error, CheckpointException) and error.failures:
        error = next(iter(error.failures.values()))[0]
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text.splitlines() or [type(error).__name__])[0]


def checksum(file: Path) -> str:
    """CRC-32 of all bytes of `file`."""
    crc = 0
    with file.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            crc = zlib.crc32(block, crc)
    return f"{crc:08x}"
