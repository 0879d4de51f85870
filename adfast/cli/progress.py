"""Progress bars on stderr, so that stdout stays the result.

Where stderr is no terminal, each bar is printed once, at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LOG_WIDTH = 140  # columns of what is written to no terminal


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

    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    # A long note is cut at its end, not the figures before it.
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=30 if console.width >= LOG_WIDTH else 8),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn(
            "{task.fields[note]}",
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
    )
    with Progress(*columns, console=console, refresh_per_second=4, expand=True) as progress:
        yield ProgressBar(progress, progress.add_task(title, total=total, note=note))
