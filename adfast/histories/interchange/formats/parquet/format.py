"""The format as interchange asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from adfast.histories.interchange.foreign import ForeignFormat
from adfast.histories.interchange.formats.parquet.layout import OWN
from adfast.histories.interchange.formats.parquet.reading import ParquetReader, open_rows
from adfast.histories.interchange.formats.parquet.writing import write_rows
from adfast.histories.store import HistoryStore
from adfast.progress import ProgressBar

MAGIC = b"PAR1"


class Parquet(ForeignFormat):
    """Rows of transitions in one Parquet file, or a folder of them."""

    about: ClassVar[str] = "Parquet, a row for each transition (pandas, Hugging Face datasets)"
    needs: ClassVar[tuple[str, ...]] = ("pyarrow",)
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    def recognises(self, path: Path) -> bool:
        """Whether a file begins so, or a folder has such files."""
        if not path.is_file():
            return any(path.glob("*.parquet"))
        with path.open("rb") as file:
            return file.read(4) == MAGIC

    def open(self, path: Path) -> ParquetReader:
        """A reader of a file or a folder; finds where histories begin."""
        return open_rows(path)

    def write(self, store: HistoryStore, path: Path, bar: ProgressBar) -> None:
        """Row groups of some pieces each, whatever histories these are of."""
        write_rows(store, path, bar)

    def wrote(self, path: Path) -> bool:
        """Whether a file has what adfast says of a store."""
        import pyarrow.parquet as pq

        return path.is_file() and OWN in (pq.read_schema(path).metadata or {})
