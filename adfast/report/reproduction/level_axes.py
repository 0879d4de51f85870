"""A panel whose rows are levels of what varies: ours with intervals, what was published beside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from adfast.report.axes import MARKERS
from adfast.report.palette import LIGHT, Style
from adfast.report.reproduction.lines import draw_published, style_of
from adfast.runs.reproduction.pooled import PooledPanel, PooledRow
from adfast.runs.reproduction.study_table import Panel

MANY_TIMES = 8  # from the least level to the greatest, where they stand at equal ratios


def draw_by_level(axes: Axes, panel: PooledPanel) -> None:
    """What is measured over what varies, a line for each series."""
    of_series: dict[str, list[PooledRow]] = {}
    for row in panel.rows:
        of_series.setdefault(row.row.series, []).append(row)
    for index, (name, rows) in enumerate(of_series.items()):
        draw_series(axes, name, rows, style_of(index), panel.panel.dashed)
    place_levels(axes, panel.panel)
    axes.set_xlabel(panel.panel.axis or "")
    whole = panel.panel.measure == "share of the source"
    axes.set_ylabel("gain, as a share of the source's" if whole else "return, last five episodes")
    if axes.dataLim.y0 >= 0:
        axes.set_ylim(bottom=0)


def draw_series(
    axes: Axes, name: str, rows: Sequence[PooledRow], style: Style, dashed: str
) -> None:
    """The levels of a series that are done, and what was published of them."""
    ours = [
        (row.row.level, row.value, *row.interval)
        for row in rows
        if row.value is not None and row.interval is not None and row.row.level is not None
    ]
    if ours:
        x, value, low, high = np.array(ours, np.float64).T
        axes.errorbar(
            x, value, np.maximum([value - low, high - value], 0), color=LIGHT[style.colour],
            marker=MARKERS[style.marker or "circle"], markersize=5, linewidth=1.8, capsize=3,
            label=f"{name} ours".strip(),
        )  # fmt: skip
    published = [
        (row.row.level, row.row.published.value)
        for row in rows
        if row.row.published is not None and row.row.published.value is not None
    ]
    if published:
        x, value = np.array(published, np.float64).T
        draw_published(axes, f"{name} {dashed}".strip(), x, value, style)


def place_levels(axes: Axes, panel: Panel) -> None:
    """Ticks at the levels, at equal ratios where they span many times the least."""
    levels = sorted({row.level for row in panel.rows if row.level is not None})
    names = [panel.level_names.get(level, f"{level:g}") for level in levels]
    if levels[0] > 0 and levels[-1] >= MANY_TIMES * levels[0]:
        axes.set_xscale("log", base=2)
        axes.minorticks_off()
    axes.set_xticks(levels, names)
