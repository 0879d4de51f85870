"""The training curve of RL2: what its trials returned, for the page and for the PNG figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from adfast.baselines.rl2.metrics import TrialMetrics
from adfast.report.axes import draw_line, plain_axes
from adfast.report.curves import MAX_POINTS
from adfast.report.page.plotly import Chart, chart_axis, chart_layout, trace_of
from adfast.report.palette import LIGHT, Style

# Which episodes of the trials are drawn: the first, the one in the middle, the last.
STYLES = (Style("source", "dot"), Style("accuracy", "dash"), Style("model", "solid"))
VALIDATION, ENTROPY = Style("ideal", "dashdot"), Style("ink", "solid")
STEPS = "million environment steps"


@dataclass(frozen=True)
class TrialLine:
    """A line of the training curve over million environment steps."""

    name: str
    steps: np.ndarray
    values: np.ndarray
    style: Style


@dataclass(frozen=True)
class TrialSeries:
    """The training curve, thinned: `returns` over `entropy`; a point is of `lines_per_point`."""

    returns: tuple[TrialLine, ...]
    entropy: TrialLine
    lines_per_point: int


def trial_series(trials: tuple[TrialMetrics, ...]) -> TrialSeries:
    """The curve of a training; above `MAX_POINTS` lines, a point is the mean of several in a row.

    NaN where no trial ended that episode.
    """
    stride = -(-len(trials) // MAX_POINTS)
    starts = np.arange(0, len(trials), stride)
    counts = np.diff(np.append(starts, len(trials)))

    def thinned(values: list[Any]) -> np.ndarray:
        return np.asarray(np.add.reduceat(np.array(values, np.float64), starts) / counts)

    steps = thinned([row.environment_steps for row in trials]) / 1e6
    last = len(trials[0].return_by_episode) - 1
    episodes = sorted({0, last // 2, last})
    lines = [
        TrialLine(
            f"episode {episode + 1}",
            steps,
            thinned([row.return_by_episode[episode] for row in trials]),
            style,
        )
        for episode, style in zip(episodes, STYLES[-len(episodes) :], strict=True)
    ]
    evaluated = [row for row in trials if row.validation_return is not None]
    if evaluated:
        at = np.array([row.environment_steps for row in evaluated]) / 1e6
        found = np.array([row.validation_return for row in evaluated], np.float64)
        lines.append(TrialLine("validation tasks", at, found, VALIDATION))
    entropy = TrialLine("entropy", steps, thinned([row.entropy for row in trials]), ENTROPY)
    return TrialSeries(tuple(lines), entropy, stride)


def trial_chart(series: TrialSeries) -> Chart:
    """Returns in trials, and below them the policy's entropy, over environment steps."""
    layout = chart_layout(height=470, top=16, x_title=STEPS, y_title="return per episode")
    layout["hoversubplots"] = "axis"
    layout["xaxis"] |= {"unifiedhovertitle": {"text": "%{x:,.2f} M steps"}, "anchor": "y2"}
    layout["yaxis"]["domain"] = [0.34, 1.0]
    layout["yaxis2"] = chart_axis("entropy") | {"domain": [0.0, 0.28]}
    traces = [trace_of(line.name, line.steps, line.values, line.style) for line in series.returns]
    entropy = series.entropy
    below = trace_of(entropy.name, entropy.steps, entropy.values, entropy.style)
    return {"data": [*traces, below | {"yaxis": "y2"}], "layout": layout, "compact": {}}


def trial_figure(series: TrialSeries) -> Figure:
    """The same as a figure."""
    figure = Figure(figsize=(8, 5.2), layout="constrained", facecolor=LIGHT["card"])
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    for line in series.returns:
        draw_line(plain_axes(upper), line.name, line.steps, line.values, line.style)
    entropy = series.entropy
    draw_line(plain_axes(lower), entropy.name, entropy.steps, entropy.values, entropy.style)
    upper.set_ylabel("return per episode")
    lower.set_ylabel("entropy")
    lower.set_xlabel(STEPS)
    figure.align_ylabels()
    figure.legend(
        *upper.get_legend_handles_labels(),
        loc="outside upper left",
        ncols=4,
        frameon=False,
        fontsize=9,
    )
    return figure
