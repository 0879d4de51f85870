"""Files that are either the old one or the whole new one, whatever interrupts the writing."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from adfast.errors import StoreError

TEMPORARY_SUFFIX = ".tmp"
LOCK_NAME = ".lock"


def replace_file(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write `chunks` as the whole of `path`, durable when this returns.

    A temporary file beside it gets its space first (a full disk is an error before a byte is
    written), is synced, renamed over `path`, and the folder is synced. Raises `StoreError`.
    """
    contents = list(chunks)
    num_bytes = sum(len(content) for content in contents)
    temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, num_bytes)
            for content in contents:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: cannot write {num_bytes} bytes: {error.strerror}; free space or fix the "
            "folder's permissions, then run the same command again to go on"
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Make the folder and hold its lock; raises `StoreError` if another writer holds it.

    The lock is the operating system's, so it ends with the process that holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_NAME).open("a")
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written to: {error.strerror}; choose a folder that you may write"
        ) from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"{folder}: another writer has this store open; wait for it, stop it, or write to "
                "another folder"
            ) from None
        yield
