"""What `adfast sweep` prints at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfast.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from adfast.runs.sweep.record import PointRecord, SweepRecord


def results_table(sweep: SweepRecord) -> Table:
    """A row per finished point: its settings, how far it sees, and what it came to."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    missing = sweep.num_points - len(sweep.points)
    table = Table(
        title=Text(
            f"{printable(sweep.name)}: {len(sweep.points)} points"
            + (f", {missing} more not finished" if missing else ""),
            style="table.title",
        ),
        caption="Receptive field in transitions; mean return of the last five episodes on held-out "
        "tasks, as a share of the optimum; next-action loss at the end of held-out histories.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),  # narrow, so that three settings fit in 80 columns
        pad_edge=False,
    )
    names = [
        "\n".join(map(printable, name.split("_"))) for axis in sweep.axes for name in axis.names
    ]
    figures = ("receptive\nfield", "last 5", "95%\ninterval", "share", "loss", "train\ns")
    for name in (*names, *figures):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for point in sweep.points:
        levels = zip(sweep.axes, point.levels, strict=True)
        settings = (value for axis, level in levels for value in axis.levels[level])
        cells = (*settings, *figures_of(point))
        table.add_row(*(Text(printable(cell)) for cell in cells))  # a value is no markup
    return table


def figures_of(point: PointRecord) -> tuple[str, ...]:
    """The figures of a point's row, as in the columns of `results_table`."""
    field = point.receptive_field_transitions
    low, high = point.last5_ci95
    return (
        "all" if field is None else f"{field:,}",
        f"{point.last5_mean:.2f}",
        f"{low:.1f} to {high:.1f}",
        f"{point.last5_mean / point.optimal:.0%}" if point.optimal else "-",
        f"{point.history_loss.loss[-1]:.3f}",
        f"{point.seconds['train']:.0f}",
    )
