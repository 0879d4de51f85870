"""The figure of a study: a panel beside the other, what was published as dashed lines.

Ours are solid, and each has a marker of its own; what was published of a row has its colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from adfast.report.axes import DASHES, draw_levels, draw_line, label, plain_axes
from adfast.report.comparison.series import IN_CONTEXT, RETURN, line_of, source_line
from adfast.report.palette import LIGHT, Style
from adfast.report.reproduction.level_axes import draw_by_level
from adfast.report.reproduction.lines import draw_published, style_of
from adfast.report.reproduction.matrix import draw_matrix
from adfast.runs.comparison.record import MethodResults
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
        draw = draw_training if panel.panel.while_training else draw
        draw = draw_matrix if panel.matrix is not None else draw
        draw(axes, panel)
        seeds = sorted({len(row.records) for row in panel.rows if row.records})
        counted = "-".join(map(str, sorted({seeds[0], seeds[-1]})))
        axes.set_title(
            f"{panel.panel.title} ({counted} training seed{'s' if seeds[-1] > 1 else ''})",
            loc="left",
            fontsize=10,
            color=LIGHT["ink"],
        )
        if panel.matrix is None:
            draw_legend(axes)
    figure.suptitle(
        f"{table.title}: ours solid with 95% intervals{what_is_dashed(drawn)}",
        x=0.01,
        ha="left",
        fontsize=11,
        color=LIGHT["ink"],
    )
    return figure


def what_is_dashed(panels: Sequence[PooledPanel]) -> str:
    """What is drawn as dashed lines in any of `panels`, behind a comma; empty for nothing."""
    words = {pooled.panel.dashed: None for pooled in panels if pooled.panel.has_published}
    return f", {' or '.join(words)} dashed" if words else ""


def draw_legend(axes: Axes) -> None:
    """What the lines are, below the panel."""
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0, -0.14),
        ncols=2,
        frameon=False,
        fontsize=8,
        handlelength=4,
        labelcolor=LIGHT["ink"],
    )


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


def draw_training(axes: Axes, panel: PooledPanel) -> None:
    """What was monitored while training, by the steps that were trained on."""
    for index, row in enumerate(panel.rows):
        if row.pooled is not None and row.pooled.training is not None:
            draw_line_with_band(axes, row.pooled, "transitions", style_of(index))
    for name, value in panel.panel.levels.items():
        draw_published_level(axes, name, value)
    axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
    axes.set_xlabel("environment steps of training")
    axes.set_ylabel("return on validation tasks")
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))


def draw_line_with_band(axes: Axes, pooled: MethodResults, axis: str, style: Style) -> None:
    """A line with its band, if it has one."""
    line = line_of(pooled, axis, style)
    assert line is not None, "asked for where something is known by this axis"
    if line.low is not None and line.high is not None:
        colour = LIGHT[style.colour]
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.13, linewidth=0)
    draw_line(axes, line.name, line.x, line.mean, style)


def draw_row(axes: Axes, row: PooledRow, style: Style, episodes: int) -> None:
    """A row's line with its band, and what was published up to so many episodes."""
    if row.pooled is not None:
        draw_line_with_band(axes, row.pooled, "episodes", style)
    published = row.row.published
    if published is not None and published.by_episode:
        x = np.arange(1.0, episodes + 1)
        known = published.by_episode
        y = np.interp(x, list(known), list(known.values()))
        draw_published(axes, f"{row.row.label}, published", x, y, style)


def draw_published_level(axes: Axes, name: str, value: float) -> None:
    """A level that was published, named on it."""
    axes.axhline(value, color=LIGHT["muted"], linestyle=DASHES["dash"], linewidth=1.0)
    axes.margins(y=0.1)  # room for a name above the highest line
    axes.annotate(
        label(name),
        (0.02, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        fontsize=7.5,
        color=LIGHT["muted"],
        bbox={"facecolor": LIGHT["card"], "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
    )
