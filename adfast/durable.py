"""Files that are either the old one or the whole new one, whatever interrupts the writing.

Everything that adfast leaves on disk is written here, but for what grows (`metrics.jsonl` line by
line, a recording row by row), the locks, and data of other tools, which their libraries write in a
folder beside their place, from where they are moved (`histories/interchange`). A name that begins
with a dot and ends in `.tmp` is something half done: no reader looks at it, and the next one who
works in the folder removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from adfast.errors import WriteError

TEMPORARY_SUFFIX = ".tmp"


def replace_file(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write `chunks` as the whole of `path`, durable when this returns.

    A temporary file beside it gets its space first (a full disk is an error before a byte is
    written), is synced, renamed over `path`, and the folder is synced. One process at a time may
    write into a folder. Raises `WriteError`.
    """
    replace_files({path: chunks})


def replace_files(
    contents: Mapping[Path, Iterable[bytes | memoryview]],
    *,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Write several whole files, of which none is replaced before all are on the disk.

    `before()` is called between: a disk that has no room for one of them changes nothing. Raises
    `WriteError`.
    """
    temporaries = {temporary_name(path): path for path in contents}
    try:
        for temporary, path in temporaries.items():
            write_whole(temporary, contents[path], path)
        before()
        for temporary, path in temporaries.items():
            with explained(path, "replace it"):
                temporary.rename(path)
        for folder in {path.parent for path in contents}:
            with explained(folder, "make its entries durable"):
                sync_folder(folder)
    except BaseException:
        for temporary in temporaries:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise


def adopt_file(temporary: Path, path: Path) -> None:
    """Make `temporary`, a file or folder that others wrote whole in the same folder, `path`.

    Durable when this returns. Raises `WriteError`.
    """
    with explained(path, "replace it"):
        temporary.rename(path)
    with explained(path.parent, "make its entries durable"):
        sync_folder(path.parent)


def require_room(folder: Path, num_bytes: int) -> None:
    """Raise `WriteError` unless a file of `num_bytes` can be written in `folder`; leaves none."""
    probe = temporary_name(folder / "room")
    with explained(folder / "room", f"write {num_bytes} bytes"):
        try:
            descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            try:
                os.posix_fallocate(descriptor, 0, max(num_bytes, 1))
            finally:
                os.close(descriptor)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)


def write_whole(temporary: Path, chunks: Iterable[bytes | memoryview], path: Path) -> None:
    """Write `chunks` as the file `temporary`, which is to become `path`; raises `WriteError`."""
    contents = [memoryview(chunk).cast("B") for chunk in chunks]
    num_bytes = sum(len(content) for content in contents)
    with explained(path, f"write {num_bytes} bytes"):
        write_new_file(temporary, contents, num_bytes)


@contextlib.contextmanager
def explained(path: Path, action: str) -> Iterator[None]:
    """Turns an `OSError` into a `WriteError` that names the path, the action and the way out."""
    try:
        yield
    except OSError as error:
        raise not_written(path, action, error.strerror) from error


def not_written(path: Path, action: str, reason: str | None) -> WriteError:
    """The error of a path whose `action` failed, with the way out."""
    return WriteError(
        f"{path}: cannot {action}: {reason}; free space or mend the folder, then give the same "
        "command again: what is finished is kept"
    )


def write_new_file(path: Path, contents: list[memoryview], num_bytes: int) -> None:
    """Write `contents`, `num_bytes` in all, as the file `path` and sync it; raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        if num_bytes:
            os.posix_fallocate(descriptor, 0, num_bytes)
        for content in contents:
            written = 0
            while written < len(content):  # a disk that fills up takes a part without an error
                written += os.write(descriptor, content[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make a file, or a folder with all that is in it, durable; raises `WriteError`."""
    with explained(path, "make it durable"):
        if not path.is_dir():
            sync_file(path)
            return
        for folder, _, names in os.walk(path):
            for name in names:
                sync_file(Path(folder) / name)
            sync_folder(Path(folder))


def sync_file(path: Path) -> None:
    """Make what is in the file durable; raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(path: Path) -> None:
    """Delete a file or a folder, if it is there: at any moment all of it is there or nothing."""
    temporary = temporary_name(path, "old")
    remove(temporary)
    if os.path.lexists(path):
        with contextlib.suppress(FileNotFoundError):
            path.rename(temporary)
            remove(temporary)


def clear_leftovers(folder: Path) -> None:
    """Remove what writers that were interrupted left half done in `folder`."""
    for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        remove(leftover)


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink(missing_ok=True)


def temporary_name(path: Path, state: str = "new") -> Path:
    """Where `path` is while it is half written, or (`state` "old") half deleted."""
    return path.with_name(f".{path.name}.{state}{TEMPORARY_SUFFIX}")
