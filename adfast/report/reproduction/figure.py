"""The figure of a study: a panel beside the other, what was published as dashed lines.

Ours are solid, and each has a marker of its own; what was published of a row has its colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adfast.report.axes import DASHES, MARKERS, draw_levels, draw_line, label, plain_axes
from adfast.report.comparison.series import IN_CONTEXT, RETURN, line_of, source_line
from adfast.report.palette import COMPARED_COLOURS, LIGHT, Style
from adfast.report.palette import MARKERS as MARKERS_IN_ORDER
from adfast.runs.reproduction.pooled import PooledPanel, PooledRow
from adfast.runs.reproduction.study_table import StudyTable

COLUMNS = 2
PANEL_INCHES = (6.4, 4.6)


def study_figure(table: StudyTable, panels: Sequence[PooledPanel]) -> Figure | None:
    """All panels of which something is done; None where nothing is."""
    drawn = [panel for panel in panels if any(row.pooled is not None for row in panel.rows)]
    if not drawn:
        return None
    columns = min(COLUMNS, len(drawn))
    rows = -(-len(drawn) // columns)
    width, height = PANEL_INCHES
    figure = Figure(
        figsize=(columns * width, rows * height), layout="constrained", facecolor=LIGHT["card"]
    )
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in grid[len(drawn) :]:
        axes.set_axis_off()
    for axes, panel in zip(grid, drawn, strict=False):
        plain_axes(axes)
        draw = draw_returns if panel.panel.axis is None else draw_by_level
        draw(axes, panel)
        seeds = sorted({len(row.records) for row in panel.rows if row.records})
        counted = "-".join(map(str, sorted({seeds[0], seeds[-1]})))
        axes.set_title(
            f"{panel.panel.title} ({counted} training seed{'s' if seeds[-1] > 1 else ''})",
            loc="left",
            fontsize=10,
            color=LIGHT["ink"],
        )
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.14),
            ncols=2,
            frameon=False,
            fontsize=8,
            handlelength=4,
            labelcolor=LIGHT["ink"],
        )
    figure.suptitle(
        f"{table.title}: ours solid with 95% intervals, published dashed",
        x=0.01,
        ha="left",
        fontsize=11,
        color=LIGHT["ink"],
    )
    return figure


def style_of(index: int) -> Style:
    """The style of row `index` of a panel."""
    colour = COMPARED_COLOURS[index % len(COMPARED_COLOURS)]
    return Style(colour, "solid", MARKERS_IN_ORDER[index % len(MARKERS_IN_ORDER)])


def draw_returns(axes: Axes, panel: PooledPanel) -> None:
    """Return by episode in context: the source, the rows, and what was published of them."""
    comparison = panel.comparison
    assert comparison is not None, "a panel of returns of which something is done"
    source = source_line(comparison.references, "episodes", comparison.episodes)
    if source is not None:
        end = comparison.episodes
        draw_line(
            axes, "source, as the data keeps it", source.x[:end], source.mean[:end], source.style
        )
    for index, row in enumerate(panel.rows):
        draw_row(axes, row, style_of(index), comparison.episodes)
    references = comparison.references
    levels = [("random", references.random, "random"), ("optimum", references.optimal, "optimal")]
    draw_levels(
        axes, ((n, value, c) for n, value, c in levels if value is not None), is_beside=True
    )
    for name, value in panel.panel.levels.items():
        draw_published_level(axes, name, value)
    axes.set_xlim(left=0, right=comparison.episodes * 1.02)
    axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
    axes.set_xlabel(IN_CONTEXT["episodes"])
    axes.set_ylabel(RETURN)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))


def draw_row(axes: Axes, row: PooledRow, style: Style, episodes: int) -> None:
    """A row's line with its band, and what was published up to so many episodes."""
    if row.pooled is not None:
        line = line_of(row.pooled, "episodes", style)
        assert line is not None, "every row has a curve over episodes"
        assert line.low is not None, "and an interval"
        assert line.high is not None, "and an interval"
        axes.fill_between(
            line.x, line.low, line.high, color=LIGHT[style.colour], alpha=0.13, linewidth=0
        )
        draw_line(axes, line.name, line.x, line.mean, style)
    published = row.row.published
    if published is not None and published.by_episode:
        x = np.arange(1.0, episodes + 1)
        known = published.by_episode
        y = np.interp(x, list(known), list(known.values()))
        draw_published(axes, f"{row.row.label}, published", x, y, style)


def draw_published(axes: Axes, name: str, x: np.ndarray, y: np.ndarray, style: Style) -> None:
    """A dashed line with hollow markers in the colour of ours."""
    colour = LIGHT[style.colour]
    axes.plot(
        x,
        y,
        color=colour,
        linestyle=DASHES["dash"],
        linewidth=1.2,
        marker=MARKERS[style.marker or "circle"],
        markerfacecolor="none",
        markevery=max(1, len(x) // 5),
        markersize=6,
        label=label(name),
    )


def draw_published_level(axes: Axes, name: str, value: float) -> None:
    """A level that was published, named on it."""
    axes.axhline(value, color=LIGHT["muted"], linestyle=DASHES["dash"], linewidth=1.0)
    axes.annotate(
        label(name),
        (0.02, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        fontsize=7.5,
        color=LIGHT["muted"],
    )


def draw_by_level(axes: Axes, panel: PooledPanel) -> None:
    """The return of the last episodes over what varies, each level with its interval."""
    ours = [row for row in panel.rows if row.pooled is not None and row.row.level is not None]
    known = [row for row in panel.rows if row.row.published is not None]
    style = style_of(0)
    x = np.array([row.row.level for row in ours], np.float64)
    pooled = [row.pooled for row in ours if row.pooled is not None]
    mean = np.array([method.last5_mean for method in pooled])
    low, high = np.array([method.last5_ci95 for method in pooled]).T
    axes.errorbar(
        x, mean, np.maximum([mean - low, high - mean], 0),
        color=LIGHT[style.colour], marker="o", markersize=5, linewidth=1.8, capsize=3, label="ours",
    )  # fmt: skip
    points = [(row.row.level, row.row.published.value) for row in known if row.row.published]
    points = [point for point in points if None not in point]
    if points:
        levels, values = np.array(points, float).T
        draw_published(axes, "published", levels, values, Style("alarm", "dash", "square"))
    positive = [row.row.level for row in panel.rows if row.row.level is not None]
    if min(positive) > 0 and max(positive) >= 8 * min(positive):
        axes.set_xscale("log", base=2)
        axes.set_xticks(positive, [f"{value:g}" for value in positive])
        axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(panel.panel.axis or "")
    axes.set_ylabel("return of the last five episodes")
