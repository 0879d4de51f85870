"""The tables that `--compare` and `--against` print."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from benchmarks.guard.against import Outcome
from benchmarks.guard.compare import Comparison, RatioChange
from benchmarks.guard.judgement import Change, Verdict
from benchmarks.record import Measurement
from benchmarks.wording import scaled, three_digits

COLOURS = {"slower": "red", "faster": "green", "unclear": "yellow"}


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """One row for each ratio of each workload."""
    table = Table(title="ratios then and now (medians of rounds)", title_justify="left")
    for heading in ("workload", "against", "asked", "then", "now", "time per unit", "verdict"):
        table.add_column(heading)
    for comparison in comparisons:
        name = comparison.measurement.name
        if not comparison.ratios:
            table.add_row(name, "", "", "", "", "", escape(comparison.reason))
        for number, ratio in enumerate(comparison.ratios):
            is_share = ratio.against.role == "limit"
            table.add_row(
                name if number == 0 else "",
                ratio.against.label,
                asked_of(comparison.measurement, ratio),
                ratio_in_words(ratio.then, is_share=is_share),
                ratio_in_words(ratio.now, is_share=is_share),
                change_in_words(ratio.change),
                coloured(ratio.verdict),
            )
        if len(comparison.ratios) > 1 or (comparison.ratios and comparison.reason):
            table.add_row(
                "", "together", "", "", "", comparison.reason, coloured(comparison.verdict)
            )
    return table


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


def ratio_in_words(value: float, *, is_share: bool) -> str:
    """`12.3x`, or of a limit `77%`."""
    return f"{value:.0%}" if is_share else f"{three_digits(value)}x"


def asked_of(measurement: Measurement, ratio: RatioChange) -> str:
    """The bar of this ratio, if the workload has one; those of rivals are about the first."""
    is_share = ratio.against.role == "limit"
    if not is_share and ratio.against.label != measurement.rivals[0].label:
        return ""
    for bar in measurement.bars:
        if bar.quantity == ("share" if is_share else "ratio") and bar.at_least is not None:
            return f">= {ratio_in_words(bar.at_least, is_share=is_share)}"
    return ""


def coloured(verdict: Verdict | None) -> str:
    """The verdict in its colour."""
    colour = COLOURS.get(verdict or "")
    return f"[{colour}]{verdict}[/{colour}]" if colour else str(verdict)
