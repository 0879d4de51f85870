"""The page's interactive line charts, as Plotly specifications in plain JSON.

Colours are written as tokens, `@model` or `@model/0.18` with an opacity, which `page.js` replaces
by the page's CSS variables: so one specification serves the light and the dark scheme. `compact`
holds the layout changes for narrow screens.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from adfast.report.curves import Curve, TrainingSeries, context_marks, return_curves
from adfast.runs.run_record import Evaluation

Chart = dict[str, Any]

SMALL = {"color": "@muted", "size": 12}


def return_chart(evaluation: Evaluation) -> Chart:
    """Return per episode of the frozen model, against every reference."""
    curves = return_curves(evaluation)
    traces: list[dict[str, Any]] = []
    for curve in curves:
        if curve.band is not None:
            traces += _band(curve)
        traces.append(_line(curve))
    shapes, annotations = [], []
    for mark in context_marks(evaluation):
        position = mark.episodes + 0.5
        shapes.append(
            {
                "type": "line",
                "x0": position,
                "x1": position,
                "y0": 0,
                "y1": 1.02 + 0.07 * mark.level,
                "yref": "paper",
                "line": {"color": "@muted", "width": 1},
            }
        )
        annotations.append(
            {
                "x": position,
                "y": 1.02 + 0.07 * mark.level,
                "yref": "paper",
                "yanchor": "bottom",
                "xanchor": mark.anchor,
                "name": mark.label,
                "text": f"{mark.label} {mark.when}",
                "showarrow": False,
                "font": SMALL,
            }
        )
    layout = chart_layout(height=420, top=8 + 26 * len(annotations))
    layout["xaxis"] |= {
        "title": chart_title("episode in context"),
        "unifiedhovertitle": {"text": "episode %{x}"},
        "range": [0.5, evaluation.episodes + 0.5],
    }
    layout["yaxis"] = chart_axis() | {
        "title": chart_title("return per episode"),
        "rangemode": "tozero",
    }
    layout |= {"shapes": shapes, "annotations": annotations}
    shorter = [note | {"text": note["name"], "font": SMALL} for note in annotations]
    # A label with every curve would hide a narrow chart.
    compact = {"height": 360, "annotations": shorter, "hovermode": "closest"}
    return {"data": traces, "layout": layout, "compact": compact}


def training_chart(series: TrainingSeries) -> Chart:
    """Loss, accuracy and held-out return in three panels over one axis of updates."""
    progress = np.column_stack([series.tokens / 1e6, series.seconds])
    panels: list[dict[str, Any]] = [
        {"name": "loss", "x": series.update, "y": series.loss, "colour": "@source"},
        {"name": "accuracy", "x": series.update, "y": series.accuracy, "colour": "@accuracy"},
    ]
    if series.held_out_update.size:
        panels.append(
            {
                "name": "held-out return",
                "x": series.held_out_update,
                "y": series.held_out_return,
                "colour": "@model",
            }
        )
    layout = chart_layout(height=60 + 170 * len(panels), top=16)
    layout["hoversubplots"] = "axis"
    layout["xaxis"] |= {
        "title": chart_title("update"),
        "unifiedhovertitle": {"text": "update %{x:,.0f}"},
    }
    traces: list[dict[str, Any]] = []
    share = 1 / len(panels)
    for index, panel in enumerate(panels):
        axis = "y" if index == 0 else f"y{index + 1}"
        top = 1 - index * share
        layout["yaxis" + axis[1:]] = chart_axis() | {
            "title": chart_title(panel["name"]),
            "domain": [max(top - share + 0.05, 0.0), top],
        }
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(panel["x"]) <= 40 else "lines",
                "name": panel["name"],
                "x": rounded(panel["x"]),
                "y": rounded(panel["y"]),
                "yaxis": axis,
                "line": {"color": panel["colour"], "width": 2},
                "hovertemplate": "%{y:.3f}",
            }
        )
    traces[0]["customdata"] = progress.round(3).tolist()
    traces[0]["hovertemplate"] += " after %{customdata[0]:.2f} M tokens, %{customdata[1]:.0f} s"
    layout["xaxis"]["anchor"] = f"y{len(panels)}" if len(panels) > 1 else "y"
    return {"data": traces, "layout": layout, "compact": {}}


def _line(curve: Curve) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": escape(curve.name),
        "x": curve.episodes.tolist(),
        "y": rounded(curve.values),
        "line": {"color": f"@{curve.colour}", "width": curve.width, "dash": curve.dash},
        "hovertemplate": "%{y:.2f}",
    }
    if curve.band is not None:
        trace["customdata"] = np.column_stack(curve.band).round(3).tolist()
        trace["hovertemplate"] = "%{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
    return trace


def _band(curve: Curve) -> list[dict[str, Any]]:
    """Two invisible lines with the space between them filled."""
    assert curve.band is not None
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": curve.episodes.tolist(),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    low, high = curve.band
    filled = {"fill": "tonexty", "fillcolor": f"@{curve.colour}/0.18"}
    return [edge | {"y": rounded(low)}, edge | {"y": rounded(high)} | filled]


def chart_layout(height: int, top: int) -> dict[str, Any]:
    """The layout of a line chart of this height and top margin in pixels."""
    return {
        "height": height,
        "margin": {"l": 56, "r": 12, "t": top, "b": 44},
        "showlegend": False,
        "hovermode": "x unified",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@ink", "family": "system-ui, sans-serif", "size": 13},
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@rule", "font": {"color": "@ink"}},
        "xaxis": chart_axis(),
    }


def chart_axis() -> dict[str, Any]:
    """An axis with a faint grid."""
    return {
        "gridcolor": "@rule",
        "linecolor": "@rule",
        "zeroline": False,
        "tickfont": {"color": "@muted"},
        "automargin": True,
        "fixedrange": True,
    }


def chart_title(text: str) -> dict[str, Any]:
    """The title of an axis."""
    return {"text": text, "font": SMALL | {"size": 13}, "standoff": 10}


def rounded(values: np.ndarray) -> list[float | None]:
    """Six digits of each value; None, a gap in the line, for what is not finite."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
