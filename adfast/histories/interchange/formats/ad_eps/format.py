"""The format as interchange asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from adfast.histories.interchange.foreign import ForeignFormat, holds_only
from adfast.histories.interchange.formats.ad_eps.layout import METADATA_SUFFIX
from adfast.histories.interchange.formats.ad_eps.reading import (
    AdEpsReader,
    is_metadata,
    open_learners,
)
from adfast.histories.interchange.formats.ad_eps.writing import write_chunks
from adfast.histories.interchange.formats.npz_files import members_of
from adfast.histories.interchange.own_words import ABOUT_NAME, read_about
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar


class AdEps(ForeignFormat):
    """Folders of npz files, as ad-eps keeps learning histories."""

    about: ClassVar[str] = "npz files of ad-eps"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    def recognises(self, path: Path) -> bool:
        """Whether a folder has such metadata, or a file such arrays."""
        if path.is_dir():
            return any(is_metadata(found) for found in path.rglob(f"*{METADATA_SUFFIX}"))
        return "states.npy" in members_of(path) and "dones.npy" in members_of(path)

    def open(self, path: Path) -> AdEpsReader:
        """A reader of a folder, or of one file."""
        return open_learners(path)

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """A folder for each history, in it a chunk for each piece."""
        write_chunks(store, path, bar)

    def wrote(self, path: Path) -> bool:
        """Whether a folder has what adfast says of a store, and its files alone."""
        is_ours = path.is_dir() and read_about(path / ABOUT_NAME) is not None
        return is_ours and holds_only(
            path, ABOUT_NAME, f"history-*/*{METADATA_SUFFIX}", "history-*/trajectories_*.npz"
        )
