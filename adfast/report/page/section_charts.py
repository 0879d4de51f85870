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
    in_lines,
    level_marks,
    rounded,
    trace_of,
    whiskers,
)
from adfast.report.palette import SHARE_STOPS, line_style

WIDTH_OF_ALL_BARS = 0.8  # of the space between two labels
ROW_PIXELS = 30
MOST_MARKED = 12  # points of a line: of few, one beside a gap would not be seen
# Pixels of tick labels side by side, on a screen and on a narrow one, of one's character, and of
# its line; characters of a title below a chart and beside it, on a narrow screen.
ROOM, NARROW_ROOM = 830, 230
CHARACTER_PIXELS, LINE_PIXELS = 7.5, 16
NARROW_ALONG, NARROW_UPWARDS = 34, 36
BESIDE = 80  # pixels of the bar beside a heat map
LEAST_UPRIGHT = 12  # characters of an upright label, from which on it is in lines


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
    compact = narrow_axes(layout, section.x_label, section.y_label)
    return {"data": traces, "layout": layout, "compact": compact}


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
    layout["xaxis"]["range"] = [-0.5, len(place) - 0.5]
    compact = narrow_axes(layout, "", section.y_label)
    for sized, room in ((layout, ROOM), (compact, NARROW_ROOM)):
        ticks, pixels = ticks_within(section.labels, room)
        sized["xaxis"] |= ticks
        sized["height"] += pixels
    layout |= with_levels(section.levels)
    return {"data": traces, "layout": layout, "compact": compact}


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
    layout["xaxis"] |= ticks_within(section.columns, ROOM - BESIDE)[0]
    layout["yaxis"] |= named_ticks(section.rows)
    layout["yaxis"]["autorange"] = "reversed"
    narrow = layout["xaxis"] | ticks_within(section.columns, NARROW_ROOM - BESIDE)[0]
    return {"data": [trace], "layout": layout, "compact": {"xaxis": narrow}}


def narrow_axes(layout: dict[str, Any], x_title: str, y_title: str) -> dict[str, Any]:
    """What is other on a narrow screen: a chart is lower, and its titles are in more lines."""
    axes = {}
    for name, title, characters in (
        ("xaxis", x_title, NARROW_ALONG),
        ("yaxis", y_title, NARROW_UPWARDS),
    ):
        axes[name] = dict(layout[name])
        if title:
            axes[name]["title"] = layout[name]["title"] | {"text": in_lines(title, characters)}
    return {"height": 330, "hovermode": "closest", **axes}


def ticks_within(names: tuple[str, ...], room: int) -> tuple[dict[str, Any], int]:
    """Tick labels below a chart of so many pixels, and by how many it must be higher for them.

    They are in lines, or upright where a word is too long: a label that had no room would be left
    out.
    """
    of_each = room / max(len(names), 1)
    characters = max(int(of_each / CHARACTER_PIXELS), 1)
    lines = [in_lines(name, characters).split("<br>") for name in names]
    angle, pixels = 0, LINE_PIXELS * (max(map(len, lines), default=1) - 1)
    if any(len(line) > characters for of_name in lines for line in of_name):
        most = max(map(len, names))
        characters = max(-(-most // max(int(of_each / LINE_PIXELS), 1)), min(most, LEAST_UPRIGHT))
        lines = [in_lines(name, characters).split("<br>") for name in names]
        longest = max(len(line) for of_name in lines for line in of_name)
        angle, pixels = -90, int(longest * CHARACTER_PIXELS)
    shown = ["<br>".join(of_name) for of_name in lines]
    return named_ticks(names) | {"ticktext": shown, "tickangle": angle}, pixels


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
        "showgrid": False,
    }
