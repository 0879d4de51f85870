"""The panels of a sweep's figure as Plotly specifications; see `adfast.report.page.plotly`."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from adfast.report.page.plotly import (
    Chart,
    band,
    chart_layout,
    level_marks,
    trace_of,
    whiskers,
)
from adfast.report.sweep.series import MARGIN, SweepSeries

RETURN = "return per episode"
NARROW = 24  # characters of tick labels side by side on a narrow screen


def returns_chart(series: SweepSeries) -> Chart:
    """Return at the end against the levels of the first axis, one line per group."""
    traces: list[dict[str, Any]] = []
    for line in series.level_lines:
        trace = trace_of(line.name, line.place, line.mean, line.style)
        limits = np.column_stack([line.low, line.high]).round(3).tolist()
        trace |= {
            "mode": "lines+markers",
            "customdata": limits,
            "hovertemplate": "%{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})",
        }
        if series.is_ordered:
            traces += band(line.place, line.low, line.high, line.style.colour)
        else:
            colour = line.style.colour
            trace |= {
                "mode": "markers",
                "marker": {"color": f"@{colour}", "size": 9},
                "error_y": whiskers(line.mean, line.low, line.high, colour),
            }
        traces.append(trace)
    ticks = [escape(tick) for tick in series.ticks]
    if series.sees is not None:
        ticks = ["<br>".join(pair) for pair in zip(ticks, series.sees, strict=True)]
    layout = chart_layout(400, 12, series.title, RETURN) | references_of(series)
    layout["yaxis"]["rangemode"] = "tozero"
    layout["xaxis"] |= {
        "tickvals": list(range(len(ticks))),
        "ticktext": ticks,
        "range": [-MARGIN, len(ticks) - 1 + MARGIN],
    }
    # On a narrow screen the table alone says what each level sees.
    is_wide = sum(map(len, series.ticks)) > NARROW
    levels_alone = {
        "ticktext": [escape(tick) for tick in series.ticks],
        "tickangle": -30 if is_wide else 0,
    }
    compact = {"height": 340, "hovermode": "closest", "xaxis": layout["xaxis"] | levels_alone}
    return {"data": traces, "layout": layout, "compact": compact}


def episodes_chart(series: SweepSeries) -> Chart:
    """Return by episode, one line per level of the first axis."""
    traces: list[dict[str, Any]] = []
    for line in series.point_lines:
        number = np.arange(1, len(line.mean) + 1)
        traces += band(number, line.low, line.high, line.style.colour)
        traces.append(trace_of(line.name, number, line.mean, line.style))
    layout = chart_layout(400, 12, "episode in context", RETURN) | references_of(series)
    layout["yaxis"]["rangemode"] = "tozero"
    layout["xaxis"]["unifiedhovertitle"] = {"text": "episode %{x}"}
    return {"data": traces, "layout": layout, "compact": {"height": 340, "hovermode": "closest"}}


def loss_chart(series: SweepSeries) -> Chart:
    """Next-action loss by position, one line per level of the first axis."""
    traces = [
        trace_of(line.name, line.position, line.loss, line.style) | {"hovertemplate": "%{y:.3f}"}
        for line in series.point_lines
    ]
    layout = chart_layout(400, 12, "transitions of history before", "next-action loss, nats")
    layout["xaxis"] |= {
        "type": "log",
        "dtick": 1,
        "unifiedhovertitle": {"text": "after %{x:,.0f} transitions"},
    }
    return {"data": traces, "layout": layout, "compact": {"height": 340, "hovermode": "closest"}}


def references_of(series: SweepSeries) -> dict[str, Any]:
    """The part of a layout that draws the optimum and the random policy's return as levels."""
    return level_marks(
        (("optimum", series.optimal, "optimal"), ("random", series.random, "random"))
    )
