"""Progress bars on stderr, so that stdout stays the result.

Where stderr is no terminal, each bar is printed once, at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class ProgressBar:
    """One bar: `advance_to(done, note)` moves it and says how it goes."""

    progress: Any
    task: Any

    def advance_to(self, done: int, note: str = "") -> None:
        """Show that `done` units are done, with a short `note` beside."""
        self.progress.update(self.task, completed=done, note=note)


@contextmanager
def progress_bar(title: str, total: int, note: str = "") -> Iterator[ProgressBar]:
    """A bar for `total` units of work, gone from nothing and left when the work ends."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", table_column=Column(min_width=9)),  # a note may be long
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        yield ProgressBar(progress, progress.add_task(title, total=total, note=note))
