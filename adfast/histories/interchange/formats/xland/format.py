"""The format as interchange asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from adfast.histories.interchange.foreign import ForeignFormat
from adfast.histories.interchange.formats.hdf5_files import group_in, is_hdf5, open_file
from adfast.histories.interchange.formats.xland.layout import words_in
from adfast.histories.interchange.formats.xland.reading import XLandReader, open_groups
from adfast.histories.interchange.formats.xland.writing import write_tasks
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar


class XLand(ForeignFormat):
    """One HDF5 file, a group for each task."""

    about: ClassVar[str] = "HDF5 in the layout of XLand-100B"
    needs: ClassVar[tuple[str, ...]] = ("h5py",)
    suffixes: ClassVar[tuple[str, ...]] = (".hdf5", ".h5")

    def recognises(self, path: Path) -> bool:
        """Whether a file is HDF5."""
        return path.is_file() and is_hdf5(path)

    def open(self, path: Path) -> XLandReader:
        """A reader of the file."""
        return open_groups(path)

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """A group for the histories of each task, in the order in which tasks first come."""
        write_tasks(store, path, bar)

    def wrote(self, path: Path) -> bool:
        """Whether a file has what adfast says of a store."""
        if not self.recognises(path):
            return False
        with open_file(path) as file:
            return "0" in file and words_in(group_in(file, "0")) is not None
