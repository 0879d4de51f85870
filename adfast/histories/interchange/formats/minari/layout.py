"""Where the files of a data set lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adfast.errors import ForeignDataError
from adfast.histories.interchange.foreign import read_at_most

DATA, METADATA, MAIN = "data", "metadata.json", "main_data.hdf5"
MAX_METADATA_BYTES = 1 << 28


def data_folder(path: Path) -> Path:
    """The folder of the files: `data` in that of a data set, or `path` itself."""
    return path / DATA if (path / DATA / METADATA).is_file() else path


def read_json(path: Path) -> dict[str, Any]:
    """The entries of a JSON file; raises `ForeignDataError`."""
    said = json.loads(read_at_most(path, MAX_METADATA_BYTES))
    if not isinstance(said, dict):
        raise ForeignDataError(f"{path}: must be a JSON object")
    return said
