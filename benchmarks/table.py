"""The table that `adfast bench` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from benchmarks.record import Measurement
from benchmarks.wording import bandwidth_of, bar_of, rate_of, ratio_of, share_of, unit_of


def results_table(measurements: Sequence[Measurement]) -> Table:
    """One row for each rival of each workload; medians, and quartiles of the ratios."""
    table = Table(title="medians of interleaved rounds (ratios: quartiles)", title_justify="left")
    for heading in (
        "workload",
        "adfast",
        "unit",
        "bandwidth",
        "rival",
        "its rate",
        "ratio",
        "limit",
    ):
        table.add_column(heading, no_wrap=heading != "rival")
    table.add_column("bars")
    for measurement in measurements:
        first = (
            measurement.name,
            rate_of(measurement.subject, measurement),
            unit_of(measurement),
            bandwidth_of(measurement),
        )
        share = share_of(measurement)
        bars = "\n".join(
            bar_of(bar) if bar.is_met else f"[red]{escape(bar_of(bar))}[/red]"
            for bar in measurement.bars
        )
        rivals = [
            (rival.label, rate_of(rival, measurement), ratio_of(rival.advantage))
            for rival in measurement.rivals
            if rival.advantage is not None
        ] or [("", "", "")]
        for number, rival in enumerate(rivals):
            if number == 0:
                table.add_row(*first, *rival, share, bars)
            else:
                table.add_row(*("" for _ in first), *rival, "", "")
    return table
