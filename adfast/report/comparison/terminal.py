"""The table of a comparison for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfast.printable import printable
from adfast.report.comparison.series import data_in_words, resampled

if TYPE_CHECKING:
    from rich.table import Table

    from adfast.runs.comparison.record import ComparisonResults


def verdicts_table(comparison: ComparisonResults) -> Table:
    """A row per claim: the verdict, and the number that decides it with its interval."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("claim", overflow="fold")
    table.add_column("verdict")
    table.add_column(Text("by (95% interval)"), justify="right", no_wrap=True)
    table.add_column("resampled", overflow="fold")
    for found in comparison.shown_verdicts:
        cells = (found.claim, found.verdict, found.numbers, resampled(found))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def comparison_table(comparison: ComparisonResults) -> Table:
    """A row per method: seeds, returns with their interval, and what it saw; below it the notes."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    references = comparison.references
    levels = [
        f"{name} {value:.2f}"
        for name, value in (("random", references.random), ("optimum", references.optimal))
        if value is not None
    ]
    title = f"{comparison.tasks}, {comparison.episodes} episodes"
    table = Table(
        title=Text(printable("; ".join([title, *levels])), style="table.title"),
        caption=Text("\n".join(map(printable, comparison.notes)), style="table.caption"),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("method", overflow="fold")
    for name in ("seeds", "first", "last 5", "95%\ninterval", "share"):
        table.add_column(Text(name), justify="right", no_wrap=True)
    table.add_column("saw", overflow="fold")
    for method in comparison.methods:
        low, high = method.last5_ci95
        share = method.share_of_optimal
        cells = (
            method.label,
            str(len(method.seeds)),
            f"{method.in_context.mean[0]:.2f}",
            f"{method.last5_mean:.2f}",
            f"{low:.2f} to {high:.2f}",
            "-" if share is None else f"{share:.0%}",
            data_in_words(method.data),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))  # a label is no markup
    return table
