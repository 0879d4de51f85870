"""The charts of findings as Plotly specifications: one for each kind of section that is a chart."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from adfast.probes.sections import Bars, HeatMap, Level, LineChart, Numbers
from adfast.report.page.plotly import (
    SMALL,
    Chart,
    band,
    chart_layout,
    level_marks,
    rounded,
    trace_of,
    whiskers,
)
from adfast.report.palette import SHARE_STOPS, line_style

WIDTH_OF_ALL_BARS = 0.8  # of the space between two labels
ROW_PIXELS = 30
MOST_MARKED = 12  # points of a line: of few, one beside a gap would not be seen
WIDE = 80  # characters of tick labels side by side


def line_chart(section: LineChart) -> Chart:
    """Lines, each with its band where it has one."""
    traces: list[dict[str, Any]] = []
    for index, series in enumerate(section.series):
        style = line_style(index, len(section.series))
        x, y = np.array(series.x), as_array(series.y)
        trace = trace_of(series.name, x, y, style) | {"hovertemplate": "%{y:.4g}"}
        if series.low is not None and series.high is not None:
            low, high = as_array(series.low), as_array(series.high)
            traces += band(x, low, high, style.colour)
            trace |= with_limits(low, high)
        if len(x) <= MOST_MARKED:
            trace["mode"] = "lines+markers"
        traces.append(trace)
    layout = chart_layout(380, 12, section.x_label, section.y_label)
    layout["xaxis"]["unifiedhovertitle"] = {"text": "%{x:,.6~g}"}
    if section.has_log_x:
        layout["xaxis"] |= {"type": "log", "dtick": 1}
    layout |= with_levels(section.levels)
    return {"data": traces, "layout": layout, "compact": {"height": 330, "hovermode": "closest"}}


def bar_chart(section: Bars) -> Chart:
    """Bars side by side at each label."""
    count = len(section.series)
    place = np.arange(len(section.labels))
    traces = []
    for index, series in enumerate(section.series):
        colour = line_style(index, count).colour
        values = as_array(series.values)
        trace: dict[str, Any] = {
            "type": "bar",
            "name": escape(series.name),
            "x": place.tolist(),
            "y": rounded(values),
            "width": WIDTH_OF_ALL_BARS / count,
            "offset": WIDTH_OF_ALL_BARS * (index / count - 0.5),
            "marker": {"color": f"@{colour}"},
            "hovertemplate": "%{y:.4g}",
        }
        if series.low is not None and series.high is not None:
            low, high = as_array(series.low), as_array(series.high)
            trace |= {"error_y": whiskers(values, low, high, "ink")} | with_limits(low, high)
        traces.append(trace)
    layout = chart_layout(height=360, top=12, y_title=section.y_label)
    layout["xaxis"] |= named_ticks(section.labels) | {"range": [-0.5, len(place) - 0.5]}
    layout |= with_levels(section.levels)
    return {"data": traces, "layout": layout, "compact": {"height": 330, "hovermode": "closest"}}


def heat_map(section: HeatMap) -> Chart:
    """A field for each row and column, with a bar that says what its colour means."""
    last = len(SHARE_STOPS) - 1
    trace = {
        "type": "heatmap",
        "z": [rounded(as_array(row)) for row in section.values],
        "zmin": section.least,
        "zmax": section.greatest,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[stop / last, colour] for stop, colour in enumerate(SHARE_STOPS)],
        "colorbar": {
            "title": {"text": escape(section.value_label), "side": "right", "font": SMALL},
            "tickfont": SMALL,
            "outlinewidth": 0,
        },
        "hovertemplate": "%{z:.4g}<extra></extra>",
    }
    height = 130 + ROW_PIXELS * len(section.rows)
    layout = chart_layout(height, 12, section.x_label, section.y_label)
    layout["hovermode"] = "closest"
    layout["xaxis"] |= named_ticks(section.columns)
    layout["yaxis"] |= named_ticks(section.rows)
    layout["yaxis"]["autorange"] = "reversed"
    return {"data": [trace], "layout": layout, "compact": {}}


def as_array(values: Numbers) -> np.ndarray:
    """float64, with NaN for what is None."""
    return np.array(values, np.float64)


def with_limits(low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """What makes a trace say the limits of its interval beside its value."""
    return {
        "customdata": [list(pair) for pair in zip(rounded(low), rounded(high), strict=True)],
        "hovertemplate": "%{y:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})",
    }


def with_levels(levels: tuple[Level, ...]) -> dict[str, Any]:
    """The part of a layout that draws levels."""
    return level_marks((level.name, level.value, "random") for level in levels)


def named_ticks(names: tuple[str, ...]) -> dict[str, Any]:
    """An axis whose whole numbers are called `names`: equal names stay apart."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [escape(name) for name in names],
        "tickangle": -30 if sum(map(len, names)) > WIDE else 0,
        "showgrid": False,
    }
