"""What the page's charts are made of: Plotly specifications in plain JSON.

Colours are written as tokens, `@model` or `@model/0.18` with an opacity, which `charts.js` replaces
by the page's CSS variables: so one specification serves the light and the dark scheme. `compact`
holds the layout changes for narrow screens.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np

from adfast.report.palette import Style

Chart = dict[str, Any]

SMALL = {"color": "@muted", "size": 12}
MOST_MARKERS = 10  # on a line
FEW_EPISODES = 10  # each has a tick
ALONG, UPWARDS = 100, 42  # characters of a title below a chart, and beside it


def trace_of(name: str, x: np.ndarray, y: np.ndarray, style: Style) -> dict[str, Any]:
    """A line, with its marker at some of its points."""
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": escape(name),
        "x": rounded(x),
        "y": rounded(y),
        "line": {"color": f"@{style.colour}", "width": 2.2, "dash": style.dash},
        "hovertemplate": "%{y:.2f}",
    }
    if style.marker is not None:
        trace["mode"] = "lines+markers"
        trace["marker"] = {
            "color": f"@{style.colour}",
            "symbol": style.marker,
            "size": 9,
            "maxdisplayed": MOST_MARKERS,
        }
    return trace


def band(
    x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, opacity: float = 0.15
) -> list[dict[str, Any]]:
    """Two invisible lines with the space between them filled."""
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": rounded(x),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    filled = {"fill": "tonexty", "fillcolor": f"@{colour}/{opacity:g}"}
    return [edge | {"y": rounded(low)}, edge | {"y": rounded(high)} | filled]


def whiskers(mean: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> dict[str, Any]:
    """The intervals of a trace's points, as its `error_y`."""
    return {
        "type": "data",
        "symmetric": False,
        "array": rounded(high - mean),
        "arrayminus": rounded(mean - low),
        "color": f"@{colour}",
        "thickness": 1.6,
        "width": 5,
    }


def level_marks(
    levels: Iterable[tuple[str, float, str]], *, is_beside: bool = False
) -> dict[str, Any]:
    """The part of a layout that draws levels (name, value, colour) across a chart.

    They are named above each line, or beside the chart, whose right margin is then to have room.
    """
    levels = list(levels)
    return {
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": value,
                "y1": value,
                "line": {"color": f"@{colour}", "width": 1.2, "dash": "dash"},
            }
            for _, value, colour in levels
        ],
        "annotations": [
            {
                "text": escape(name),
                "xref": "paper",
                "x": 1,
                "xanchor": "left" if is_beside else "right",
                "y": value,
                "yanchor": "middle" if is_beside else "bottom",
                "showarrow": False,
                "font": SMALL,
            }
            for name, value, _ in levels
        ],
    }


def chart_layout(height: int, top: int, x_title: str = "", y_title: str = "") -> dict[str, Any]:
    """The layout of a line chart of this height and top margin in pixels; titles are escaped."""
    return {
        "height": height,
        "margin": {"l": 56, "r": 12, "t": top, "b": 44},
        "showlegend": False,
        "hovermode": "x unified",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@ink", "family": "system-ui, sans-serif", "size": 13},
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@rule", "font": {"color": "@ink"}},
        "xaxis": chart_axis(x_title, ALONG),
        "yaxis": chart_axis(y_title, UPWARDS),
    }


def chart_axis(title: str, characters: int = ALONG) -> dict[str, Any]:
    """An axis with a faint grid; its title is in lines of at most so many `characters`."""
    axis: dict[str, Any] = {
        "gridcolor": "@rule",
        "linecolor": "@rule",
        "zeroline": False,
        "tickfont": {"color": "@muted"},
        "automargin": True,
        "fixedrange": True,
    }
    if title:
        font = SMALL | {"size": 13}
        axis["title"] = {"text": in_lines(title, characters), "font": font, "standoff": 10}
    return axis


def in_lines(text: str, characters: int) -> str:
    """Text as HTML, in lines of at most so many characters; a word is never broken."""
    return "<br>".join(map(escape, wrap(text, characters, break_long_words=False)))


def rounded(values: np.ndarray) -> list[float | None]:
    """Six digits of each value; None, a gap in the line, for what is not finite."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
