"""The format as interchange asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import ForeignFormat, holds_only
from adfast.histories.interchange.formats.minari.layout import (
    DATA,
    MAIN,
    METADATA,
    data_folder,
    read_json,
)
from adfast.histories.interchange.formats.minari.reading import MinariReader, open_data_set
from adfast.histories.interchange.formats.minari.writing import write_data_set
from adfast.histories.interchange.own_words import ABOUT_NAME, parse_words
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar


class Minari(ForeignFormat):
    """Folders of Minari data sets."""

    about: ClassVar[str] = "Minari data sets"
    needs: ClassVar[tuple[str, ...]] = ("minari", "h5py", "gymnasium")

    def recognises(self, path: Path) -> bool:
        """Whether a folder has the metadata of one."""
        folder = data_folder(path)
        if not (folder / METADATA).is_file():
            return False
        try:
            return "data_format" in read_json(folder / METADATA)
        except (ValueError, ForeignDataError):
            return False

    def open(self, path: Path) -> MinariReader:
        """A reader of a data set's folder, or of the folder `data` in it."""
        return open_data_set(path)

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """A data set called as `path` is, in HDF5."""
        write_data_set(store, path, bar)

    def wrote(self, path: Path) -> bool:
        """Whether a folder has what adfast says of a store, and its files alone."""
        about = path / DATA / ABOUT_NAME
        if not about.is_file():
            return False
        parse_words(read_json(about), about)
        return holds_only(path, *(f"{DATA}/{name}" for name in (ABOUT_NAME, METADATA, MAIN)))
