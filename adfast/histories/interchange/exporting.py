"""Export: a history store as data of another tool.

Data are written in a folder beside their place, and moved there when they are whole and on the
disk. Killed, the export starts over when it is called again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from adfast.durable import adopt_file, discard, remove, sync_tree, temporary_name
from adfast.errors import ForeignDataError, InUse, InvalidArgument, WriteError
from adfast.histories.interchange.catalogue import find_format, format_of_target
from adfast.histories.interchange.foreign import UNREADABLE, ForeignFormat
from adfast.histories.store import HistoryStore
from adfast.locks import LOCK_NAME, FolderLocked, folder_lock
from adfast.progress import progress_bar
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import as_path, require_kind


def export_histories(
    store: HistoryStore,
    path: str | Path,
    *,
    format: str | None = None,
    fresh: bool = False,
    show_progress: bool = False,
) -> Path:
    """`path`, where the histories of `store` are as data of another tool.

    `format` is one of `FORMATS`, by default what the name of `path` says. Of rendered observations
    poses are written, with the scene that draws them. `fresh` replaces what an earlier export has
    left there. Raises `InvalidArgument` for a store that the format cannot hold or a `path` that is
    there, `WriteError` where it cannot be written.
    """
    require_kind("store", store, HistoryStore, "a HistoryStore; adfast.histories.open gives one")
    path = as_path("path", path)
    name = format_of_target(path, format)
    if not isinstance(store.schema, TransitionSchema) or not store.num_histories:
        raise InvalidArgument(f"only histories of transitions can be exported, got {store}")
    foreign = find_format(name)
    if not foreign.can_write:
        raise InvalidArgument(f"{name} is read alone; export in another format")
    require_free(path, foreign, fresh=fresh)
    with (
        working_folder(path) as folder,
        progress_bar("export", store.num_transitions, shown=show_progress) as bar,
    ):
        whole = folder / path.name
        foreign.write(store, whole, bar)
        sync_tree(whole)
        require_free(path, foreign, fresh=fresh)
        if fresh:
            discard(path)
        require_free(path, foreign, fresh=False)
        adopt_file(whole, path)
    return path


def require_free(path: Path, foreign: ForeignFormat, *, fresh: bool) -> None:
    """Raise `InvalidArgument` where `path` is there, unless it is to be replaced and may be.

    Only what an export has made may be: data that look alike are of somebody else.
    """
    if not path.exists() and not path.is_symlink():
        return
    if not fresh:
        raise InvalidArgument(
            f"{path} is there already; give another place, or --fresh (in Python fresh=True) to "
            "replace it"
        )
    if not is_export(path, foreign):
        raise InvalidArgument(
            f"{path} holds something else than an export in this format, which is not deleted; "
            "give another place"
        )


def is_export(path: Path, foreign: ForeignFormat) -> bool:
    """Whether an export in the format `foreign` has made `path`."""
    try:
        return foreign.wrote(path)
    except (ForeignDataError, *UNREADABLE):
        return False


@contextlib.contextmanager
def working_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` that only this process works in; gone at the end.

    Raises `InUse` while another process writes to the same `path`.
    """
    folder = temporary_name(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder):
            for leftover in folder.iterdir():
                if leftover.name != LOCK_NAME:
                    remove(leftover)
            try:
                yield folder
            finally:
                remove(folder)
    except FolderLocked as holder:
        raise InUse(f"{path}: is being written: {holder}; or write to another place") from None
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be written: {error.strerror or error}; free space or mend the "
            "folder, then give the same command again"
        ) from error
