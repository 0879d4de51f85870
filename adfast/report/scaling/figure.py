"""The figure of a study of scaling: a column for each axis, a row for each measure.

Points have 95% intervals, lines are the fitted laws; dashed is what theory says of returns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullLocator

from adfast.report.axes import DASHES, plain_axes, words
from adfast.report.palette import LIGHT
from adfast.runs.reproduction.study_table import StudyTable
from adfast.runs.scaling.claims import recall_of_axis
from adfast.runs.scaling.laws import Measure, Measured, MeasuredAxis

PANEL_INCHES = (3.1, 2.5)
LEAST_RANGE = 1.1
COLOURS: Mapping[Measure, str] = {
    "loss": "accuracy", "seconds": "source", "bytes": "ideal",
}  # fmt: skip
LABELS: Mapping[Measure, str] = {
    "loss": "loss, nats",
    "seconds": "time a transition,\nbeside the recipe's own",
    "bytes": "peak bytes\na transition",
}


def scaling_figure(table: StudyTable, axes: Mapping[str, MeasuredAxis]) -> Figure | None:
    """All axes of which a part is done; None where none is."""
    drawn = [axis for axis in axes.values() if axis.seeds]
    if not drawn:
        return None
    rows = 1 + len(LABELS)
    width, height = PANEL_INCHES
    size = (0.6 + width * len(drawn), 0.5 + height * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor=LIGHT["card"])
    grid = figure.subplots(rows, len(drawn), squeeze=False, sharex="col", sharey="row")
    for column, axis in enumerate(drawn):
        draw_returns(plain_axes(grid[0, column]), axis)
        for row, measure in enumerate(LABELS, start=1):
            draw_measure(plain_axes(grid[row, column]), axis, measure)
        seeds = f"{len(axis.seeds)} training seed{'s' if len(axis.seeds) > 1 else ''}"
        grid[0, column].set_title(
            f"{axis.panel.title} ({seeds})", loc="left", fontsize=10, color=LIGHT["ink"]
        )
        place_levels(grid[-1, column], axis)
    for row in range(1, rows):
        require_range(grid[row, 0])
    for row, label in enumerate(("return,\nlast five episodes", *LABELS.values())):
        grid[row, 0].set_ylabel(label, fontsize=9)
    figure.suptitle(table.title, x=0.01, ha="left", fontsize=11, color=LIGHT["ink"])
    return figure


def draw_returns(axes: Axes, axis: MeasuredAxis) -> None:
    """Returns by level, with random, optimum, and what theory says of windows."""
    draw_points(axes, axis.x, axis.returns(), "model")
    for name in ("random", "optimum"):
        axes.axhline(
            getattr(axis, name), color=LIGHT["muted"], linestyle=DASHES["dot"], linewidth=1
        )
    recall = recall_of_axis(axis)
    if recall is not None:
        x = np.geomspace(axis.x[0], axis.x[-1], 200)
        axes.plot(x, recall.returns(x), color=LIGHT["ink"], linestyle=DASHES["dash"], linewidth=1.2)
        axes.axvline(recall.knee, color=LIGHT["rule"], linewidth=1.2)
    axes.set_ylim(bottom=min(0.0, axis.random))


def draw_measure(axes: Axes, axis: MeasuredAxis, measure: Measure) -> None:
    """A measure by level, and its law."""
    measured = axis.measured[measure]
    draw_points(axes, axis.x, measured, COLOURS[measure])
    law = measured.law
    if law is not None:
        x = np.geomspace(axis.x[0], axis.x[-1], 100)
        low, high = (law.told(bound, 2) for bound in law.exponent_interval)
        told = f"exponent {law.told(law.exponent, 2)} ({low} to {high})"
        axes.plot(x, law.at(x), color=LIGHT[COLOURS[measure]], linewidth=1.3)
        axes.set_title(told, fontsize=8, color=LIGHT["muted"], loc="right")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=7)


def require_range(axes: Axes) -> None:
    """Draw what does not change as what does not change; `axes` has all that a row shows."""
    low, high = axes.get_ylim()
    if high < LEAST_RANGE * low:
        middle = np.sqrt(low * high)
        axes.set_ylim(middle / LEAST_RANGE, middle * LEAST_RANGE)


def draw_points(axes: Axes, x: np.ndarray, measured: Measured, colour: str) -> None:
    """Means with their intervals."""
    low, high = measured.interval
    reach = np.maximum([measured.mean - low, high - measured.mean], 0)
    axes.errorbar(
        x, measured.mean, reach, color=LIGHT[colour], marker="o", markersize=4.5, linestyle="none",
        capsize=3, linewidth=1.4,
    )  # fmt: skip


def place_levels(axes: Axes, axis: MeasuredAxis) -> None:
    """Ticks at the levels, at equal ratios."""
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    name = EngFormatter(places=0 if axis.x.max() < 1000 else 1, sep="")
    axes.set_xticks(axis.x, [name(value).replace(".0", "") for value in axis.x], fontsize=8)
    axes.set_xlabel(words(axis.panel.axis or "", 34), fontsize=9)
