"""The figure of a comparison as PNG: a line for each method, what it saw in the legend."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adfast.printable import printable
from adfast.report.axes import draw_levels, draw_line, plain_axes
from adfast.report.comparison.series import RETURN, ComparedSeries
from adfast.report.palette import LIGHT

ABOUT = 90  # characters of what stands behind a line
ENTRY_INCHES = 0.4


def comparison_figure(series: ComparedSeries) -> Figure:
    """Return over one axis, with its legend below."""
    height = 4.2 + ENTRY_INCHES * len(series.lines)
    figure = Figure(figsize=(8, height), layout="constrained", facecolor=LIGHT["card"])
    axes = plain_axes(figure.add_subplot())
    for line in series.lines:
        if line.low is not None and line.high is not None:
            colour = LIGHT[line.style.colour]
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.13, linewidth=0)
        draw_line(axes, line.name, line.x, line.mean, line.style)
    draw_levels(axes, series.levels, is_beside=True)
    axes.margins(x=0.02)
    axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
    axes.set_xlabel(series.title)
    axes.set_ylabel(RETURN)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
    handles, names = axes.get_legend_handles_labels()
    abouts = [printable(line.about)[:ABOUT].replace("$", r"\$") for line in series.lines]
    figure.legend(
        handles,
        [f"{name}\n{about}" for name, about in zip(names, abouts, strict=True)],
        loc="outside lower left",
        frameon=False,
        fontsize=9,
        handlelength=7,
        labelcolor=LIGHT["ink"],
    )
    return figure
