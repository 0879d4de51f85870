"""The table that `--against` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from benchmarks.guard.against import Outcome
from benchmarks.guard.judgement import Change, Verdict
from benchmarks.wording import scaled

COLOURS = {"slower": "red", "faster": "green", "unclear": "yellow"}


def outcome_table(outcomes: Sequence[Outcome], then: str) -> Table:
    """One row for each workload; `then` is the other commit in words."""
    table = Table(title=f"this checkout against {then}", title_justify="left")
    for heading in ("workload", "unit", "then", "now", "time per unit", "launches", "verdict"):
        table.add_column(heading)
    for outcome in outcomes:
        if outcome.change is None:
            table.add_row(outcome.workload.name, "", "", "", "", "", escape(outcome.reason))
            continue
        verdict = coloured(outcome.verdict)
        table.add_row(
            outcome.workload.name,
            f"{outcome.workload.unit}/s",
            scaled(outcome.rate_then),
            scaled(outcome.rate_now),
            change_in_words(outcome.change),
            str(outcome.launches),
            f"{verdict} ({outcome.reason})" if outcome.reason else verdict,
        )
    return table


def change_in_words(change: Change) -> str:
    """`+9.8% (+8.1% to +11%)`: by how much a unit takes longer."""
    if change.upper == float("inf"):
        return f"{percent(change.factor)} (too few launches)"
    return f"{percent(change.factor)} ({percent(change.lower)} to {percent(change.upper)})"


def percent(factor: float) -> str:
    """`+9.8%`."""
    return f"{100 * (factor - 1):+.1f}%"


def coloured(verdict: Verdict | None) -> str:
    """The verdict in its colour."""
    colour = COLOURS.get(verdict or "")
    return f"[{colour}]{verdict}[/{colour}]" if colour else str(verdict)
