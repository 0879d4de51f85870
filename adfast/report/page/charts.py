"""The interactive charts of a run: return by episode, and training."""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.report.curves import Curve, TrainingSeries, context_marks, return_curves
from adfast.report.page.plotly import (
    FEW_EPISODES,
    SMALL,
    Chart,
    band,
    chart_axis,
    chart_layout,
    rounded,
    trace_of,
)
from adfast.report.palette import Style
from adfast.runs.files.results import EvaluationResults


def return_chart(evaluation: EvaluationResults) -> Chart:
    """Return per episode of the frozen model, against every reference."""
    curves = return_curves(evaluation)
    traces: list[dict[str, Any]] = []
    for curve in curves:
        if curve.band is not None:
            traces += band(curve.episodes, *curve.band, curve.colour, opacity=0.18)
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
    titles = ("episode in context", "return per episode")
    layout = chart_layout(420, 8 + 26 * len(annotations), *titles)
    layout["xaxis"] |= {
        "unifiedhovertitle": {"text": "episode %{x}"},
        "range": [0.5, evaluation.episodes + 0.5],
    }
    if evaluation.episodes <= FEW_EPISODES:
        layout["xaxis"]["dtick"] = 1  # no halves of an episode
    layout["yaxis"]["rangemode"] = "tozero"
    layout |= {"shapes": shapes, "annotations": annotations}
    shorter = [note | {"text": note["name"], "font": SMALL} for note in annotations]
    # A label with every curve would hide a narrow chart.
    compact = {"height": 360, "annotations": shorter, "hovermode": "closest"}
    return {"data": traces, "layout": layout, "compact": compact}


def training_chart(series: TrainingSeries) -> Chart:
    """Loss, accuracy and validation return in three panels over one axis of updates."""
    progress = np.column_stack([series.tokens / 1e6, series.seconds])
    panels: list[dict[str, Any]] = [
        {"name": "loss", "x": series.update, "y": series.loss, "colour": "@source"},
        {"name": "accuracy", "x": series.update, "y": series.accuracy, "colour": "@accuracy"},
    ]
    if series.evaluated_update.size:
        panels.append(
            {
                "name": f"{series.evaluated_on} return",
                "x": series.evaluated_update,
                "y": series.evaluated_return,
                "colour": "@model",
            }
        )
    layout = chart_layout(height=60 + 170 * len(panels), top=16, x_title="update")
    layout["hoversubplots"] = "axis"
    layout["xaxis"]["unifiedhovertitle"] = {"text": "update %{x:,.0f}"}
    traces: list[dict[str, Any]] = []
    share = 1 / len(panels)
    for index, panel in enumerate(panels):
        axis = "y" if index == 0 else f"y{index + 1}"
        top = 1 - index * share
        layout["yaxis" + axis[1:]] = chart_axis(panel["name"]) | {
            "domain": [max(top - share + 0.05, 0.0), top]
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
    trace = trace_of(curve.name, curve.episodes, curve.values, Style(curve.colour, curve.dash))
    trace["line"]["width"] = curve.width
    if curve.band is not None:
        trace["customdata"] = np.column_stack(curve.band).round(3).tolist()
        trace["hovertemplate"] = "%{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
    return trace
