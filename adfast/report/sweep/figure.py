"""The figure of a sweep as PNG: return against the first axis, by episode, and loss by position."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from adfast.report.axes import draw_levels, draw_line, label, plain_axes
from adfast.report.palette import LIGHT
from adfast.report.sweep.series import MARGIN, SweepSeries


def sweep_figure(series: SweepSeries) -> Figure:
    """Three panels in a row; see `series`."""
    figure = Figure(figsize=(14, 4.9), layout="constrained", facecolor=LIGHT["card"])
    returns, episodes, loss = (plain_axes(axes) for axes in figure.subplots(1, 3))
    draw_returns(returns, series)
    draw_episodes(episodes, series)
    draw_loss(loss, series)
    of_group = f"\n{label(series.group)}" if series.group else ""
    titles = ("Return, last 5 episodes", f"Return per episode{of_group}",
              f"Loss on histories{of_group}")  # fmt: skip
    for axes, title in zip((returns, episodes, loss), titles, strict=True):
        axes.set_title(title, loc="left", fontsize=11, color=LIGHT["ink"])
    return figure


def draw_returns(axes: Axes, series: SweepSeries) -> None:
    """Return at the end against the levels of the first axis, one line per group."""
    for line in series.level_lines:
        colour = LIGHT[line.style.colour]
        if not series.is_ordered:
            sides = np.stack([line.mean - line.low, line.high - line.mean])
            axes.errorbar(
                line.place,
                line.mean,
                sides,
                fmt="o",
                color=colour,
                capsize=4,
                label=label(line.name),
            )
            continue
        axes.fill_between(line.place, line.low, line.high, color=colour, alpha=0.15, linewidth=0)
        joined = {"linewidth": 2.2, "marker": "o", "markersize": 5}
        draw_line(axes, line.name, line.place, line.mean, line.style, **joined)
    draw_references(axes, series)
    ticks, title = tuple(map(label, series.ticks)), label(series.title)
    if series.sees is not None:
        ticks = tuple("\n".join(pair) for pair in zip(ticks, series.sees, strict=True))
        title += ", and the transitions of its receptive field"
    axes.set_xticks(np.arange(len(ticks)), ticks)
    axes.set_xlim(-MARGIN, len(ticks) - 1 + MARGIN)
    axes.set_xlabel(title)
    axes.set_ylabel("return per episode")
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def draw_episodes(axes: Axes, series: SweepSeries) -> None:
    """Return by episode, one line per level of the first axis."""
    for line in series.point_lines:
        colour = LIGHT[line.style.colour]
        number = np.arange(1, len(line.mean) + 1)
        axes.fill_between(number, line.low, line.high, color=colour, alpha=0.12, linewidth=0)
        draw_line(axes, line.name, number, line.mean, line.style)
    draw_references(axes, series)
    axes.set_xlim(0.5, max(len(line.mean) for line in series.point_lines) + 0.5)
    axes.set_xlabel("episode in context")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def draw_loss(axes: Axes, series: SweepSeries) -> None:
    """Next-action loss by position, one line per level of the first axis."""
    for line in series.point_lines:
        draw_line(axes, line.name, line.position, line.loss, line.style)
    axes.set_xscale("log")
    axes.set_xlabel("transitions of history before")
    axes.set_ylabel("next-action loss, nats")
    axes.legend(frameon=False, fontsize=9)


def draw_references(axes: Axes, series: SweepSeries) -> None:
    """The optimum and the random policy's return, as level lines."""
    draw_levels(axes, (("optimum", series.optimal, "optimal"), ("random", series.random, "random")))
    greatest = max(series.optimal, *(line.high.max() for line in series.level_lines))
    num_lines = max(len(series.level_lines), len(series.point_lines))
    axes.set_ylim(bottom=0, top=(1.08 + 0.08 * min(num_lines, 6)) * greatest)  # room for a legend
