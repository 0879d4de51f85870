"""How far long work is, on stderr, so that stdout stays the result.

A terminal and a notebook show a bar. Anything else (a log file, a pipe, a notebook without widgets)
gets a line after `FIRST_SECONDS`, one every `LINE_SECONDS` from then on, whether or not the work
moves, and one at the end.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from adfast.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

FIRST_SECONDS, LINE_SECONDS = 10.0, 30.0
WIDE = 140  # columns, from which on a bar is drawn long


class ProgressBar:
    """`advance_to(done, note)` says how much is done of `total`, and how it goes."""

    def __init__(self, title: str, total: int, note: str) -> None:
        self.title, self.total, self.note = title, total, note
        self.done = 0

    def advance_to(self, done: int, note: str = "") -> None:
        """From now on `done` units are done; a short `note` is said beside."""
        self.done, self.note = done, note


class DrawnBar(ProgressBar):
    """A bar that is drawn by `progress`, of the library `rich`."""

    def __init__(self, title: str, total: int, note: str, progress: Any) -> None:
        super().__init__(title, total, note)
        self._progress = progress
        self._task = progress.add_task(title, total=total, note=note)

    def advance_to(self, done: int, note: str = "") -> None:
        """Move the bar."""
        super().advance_to(done, note)
        self._progress.update(self._task, completed=done, note=note)


@contextmanager
def progress_bar(
    title: str, total: int, note: str = "", *, shown: bool = True
) -> Iterator[ProgressBar]:
    """A bar for `total` units of work; with `shown` false it shows nothing."""
    if not shown:
        yield ProgressBar(title, total, note)
        return
    from rich.console import Console

    console = Console(stderr=True)
    if (console.is_jupyter and find_spec("ipywidgets")) or console.is_terminal:
        with drawn_bar(console, title, total, note) as bar:
            yield bar
        return
    bar = ProgressBar(title, total, note)
    with lines_about(bar):
        yield bar


def say(subject: str, sentence: str) -> None:
    """Say a sentence about a piece of work on stderr, in the column of its bar."""
    print(f"{subject:<9} {printable(sentence)}", file=sys.stderr)


@contextmanager
def drawn_bar(console: Console, title: str, total: int, note: str) -> Iterator[ProgressBar]:
    """A bar on a terminal or in a notebook, left there when the work ends."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # A long note is cut at its end, not the figures before it.
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=30 if console.width >= WIDE else 8),
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
        yield DrawnBar(title, total, note, progress)


@contextmanager
def lines_about(
    bar: ProgressBar, first: float = FIRST_SECONDS, every: float = LINE_SECONDS
) -> Iterator[None]:
    """Lines on stderr that say where `bar` is: after `first` seconds, `every` so many, at the end.

    They come from a thread of their own, so that work that hangs is seen to hang.
    """
    stream, started, ended = sys.stderr, time.monotonic(), threading.Event()

    def say() -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads, no room is left
            print(line_about(bar, time.monotonic() - started), file=stream, flush=True)

    def say_regularly() -> None:
        pause = first
        while not ended.wait(pause):
            say()
            pause = every

    thread = threading.Thread(target=say_regularly, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        say()


def line_about(bar: ProgressBar, seconds: float) -> str:
    """Where a bar is after so many seconds, in a line of a log."""
    left = ""
    if 0 < bar.done < bar.total:
        left = f", {clock(seconds * (bar.total - bar.done) / bar.done)} left"
    share = f"{bar.done / bar.total:4.0%}" if bar.total else "100%"
    note = f", {bar.note}" if bar.note else ""
    return f"{bar.title:<9} {share} {bar.done}/{bar.total} after {clock(seconds)}{left}{note}"


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
