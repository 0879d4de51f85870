"""Interchange: learning histories of other tools come in, those of a store go out.

One file for each foreign format, one table of them (`FORMATS`).
"""

from adfast.histories.interchange.catalogue import FORMATS, holds_store, recognise
from adfast.histories.interchange.conversion import convert, describe
from adfast.histories.interchange.exporting import export_histories
from adfast.histories.interchange.importing import import_histories

__all__ = [
    "FORMATS",
    "convert",
    "describe",
    "export_histories",
    "holds_store",
    "import_histories",
    "recognise",
]
