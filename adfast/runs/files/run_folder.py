"""The folder of a run or a sweep: locked while it is worked on, emptied to start over."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

from adfast.durable import TEMPORARY_SUFFIX, clear_leftovers, discard, temporary_name
from adfast.errors import InUse
from adfast.locks import LOCK_NAME, FolderLocked, folder_lock


def lock_run(path: Path, lock: contextlib.ExitStack) -> None:
    """Hold the lock of the run or sweep in `path` until `lock` is closed; raises `InUse`.

    A folder in which nothing can be written needs no lock: reading disturbs nobody.
    """
    try:
        lock.enter_context(folder_lock(path))
    except FolderLocked as holder:
        raise InUse(f"{path} is being worked on by {holder}; or give another directory") from None
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
    else:
        clear_leftovers(path)


def delete_contents(path: Path, *, but: str) -> None:
    """Delete all that is in a folder but its lock and its settings, the file `but`.

    What says that something is finished goes first.
    """
    kept = {LOCK_NAME, but, temporary_name(path / but).name}
    names = sorted({entry.name for entry in path.iterdir()} - kept)
    for name in sorted(names, key=lambda name: name != "provenance.json"):
        discard(path / name)


def holds_nothing(directory: Path) -> bool:
    """Whether there is nothing in `directory` but what a killed process had begun to write."""
    return all(
        entry.name == LOCK_NAME or entry.name.endswith(TEMPORARY_SUFFIX)
        for entry in directory.iterdir()
    )
