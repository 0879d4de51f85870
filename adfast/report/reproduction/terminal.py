"""How the parts of a study stand, for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adfast.report.page.wording import duration
from adfast.runs.reproduction.pooled import total_seconds

if TYPE_CHECKING:
    from rich.table import Table

    from adfast.runs.reproduction.reproduction import AnyState
    from adfast.runs.reproduction.study_table import StudyTable


def parts_table(table: StudyTable, states: Mapping[str, AnyState]) -> Table:
    """A row for each part: how it stands, the seconds it took, its hash, and what differs."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=Text(f"{table.title}: {standing_of(states)}", style="table.title"),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    drawn.add_column("part", overflow="fold")
    drawn.add_column("state", overflow="fold")
    drawn.add_column("seconds", justify="right", no_wrap=True)
    drawn.add_column("hash", no_wrap=True)
    for name, state in states.items():
        record = state.record
        standing: str = state.standing
        if state.differences:
            standing += f" ({'; '.join(state.differences)})"
        seconds = "" if record is None else f"{sum(record.seconds.values()):.0f}"
        drawn.add_row(*map(Text, (name, standing, seconds, "" if record is None else record.hash)))
    return drawn


def standing_of(states: Mapping[str, AnyState]) -> str:
    """How many parts are done, and how long these took."""
    records = [s.record for s in states.values() if s.standing == "done" and s.record is not None]
    took = duration(total_seconds(records)) if records else "no time"
    return f"{len(records)} of {len(states)} parts done, which took {took}"


def parts_told(states: Mapping[str, AnyState]) -> dict[str, Any]:
    """The same, ready for JSON."""
    return {
        name: {
            "state": state.standing,
            "differences": list(state.differences),
            "seconds": None if state.record is None else dict(state.record.seconds),
            "hash": None if state.record is None else state.record.hash,
        }
        for name, state in states.items()
    }
