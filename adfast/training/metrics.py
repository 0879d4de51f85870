"""metrics.jsonl: one JSON object a line, each line written whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class MetricsLog:
    """Appends rows to a JSON-lines file.

    Rows of updates after `keep_updates` are dropped on opening: they belong to work that a resumed
    run does again. A last line cut short by a kill is dropped too.
    """

    def __init__(self, path: Path, *, keep_updates: int) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read_metrics(path) if row["update"] <= keep_updates]
        temporary = path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        temporary.replace(path)

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row and hand it to the operating system."""
        line = (json.dumps(row) + "\n").encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file, oldest first; none if the file is absent."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break  # cut short by a kill: nothing after it can be whole
    return rows
