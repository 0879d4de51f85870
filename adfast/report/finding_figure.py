"""The charts of a finding as one PNG figure, a panel below the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from adfast.probes.finding import Finding
from adfast.probes.sections import Bars, HeatMap, LineChart
from adfast.report.axes import draw_levels, draw_line, label, plain_axes, words
from adfast.report.palette import LIGHT, SHARE_STOPS, line_style

PROBE = "probe-"  # what the names of its files begin with
PANEL_INCHES = 4.2
MOST_MARKED = 12  # points of a line: of few, one beside a gap would not be seen
ALONG, UPWARDS = 90, 42  # characters of a title or along an axis, and beside it
WIDE = 80  # characters of tick labels side by side
WIDTH_OF_ALL_BARS = 0.8  # of the space between two labels


def finding_figures(findings: Mapping[str, Finding]) -> dict[str, Figure]:
    """The figure of each finding that has charts, by the name of its file without its end."""
    figures = {f"{PROBE}{stem}": finding_figure(finding) for stem, finding in findings.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}


def charts_of(finding: Finding) -> list[LineChart | Bars | HeatMap]:
    """What of a finding its figure shows."""
    return [part for part in finding.sections if isinstance(part, LineChart | Bars | HeatMap)]


def finding_figure(finding: Finding) -> Figure | None:
    """The charts of a finding; None where it has none."""
    charts = charts_of(finding)
    if not charts:
        return None
    height = PANEL_INCHES * len(charts)
    figure = Figure(figsize=(8, height), layout="constrained", facecolor=LIGHT["card"])
    panels = np.atleast_1d(figure.subplots(len(charts), 1))
    for axes, chart in zip(panels, charts, strict=True):
        title = words(chart.title, ALONG)
        plain_axes(axes).set_title(title, loc="left", fontsize=11, color=LIGHT["ink"])
        if isinstance(chart, LineChart):
            draw_lines(axes, chart)
        elif isinstance(chart, Bars):
            draw_bars(axes, chart)
        else:
            draw_heat_map(figure, axes, chart)
    return figure


def draw_lines(axes: Axes, chart: LineChart) -> None:
    """Lines, each with its band where it has one."""
    for index, series in enumerate(chart.series):
        style = line_style(index, len(chart.series))
        x = np.array(series.x)
        if series.low is not None and series.high is not None:
            low, high = np.array(series.low, np.float64), np.array(series.high, np.float64)
            axes.fill_between(x, low, high, color=LIGHT[style.colour], alpha=0.15, linewidth=0)
        marker = "o" if len(x) <= MOST_MARKED else None
        draw_line(axes, series.name, x, np.array(series.y, np.float64), style, marker=marker)
    draw_levels(axes, ((level.name, level.value, "random") for level in chart.levels))
    if chart.has_log_x:
        axes.set_xscale("log")
    axes.set_xlabel(words(chart.x_label, ALONG))
    axes.set_ylabel(words(chart.y_label, UPWARDS))
    if len(chart.series) > 1:
        axes.legend(fontsize=9, framealpha=0.85, edgecolor="none")


def draw_bars(axes: Axes, chart: Bars) -> None:
    """Bars side by side at each label."""
    width = WIDTH_OF_ALL_BARS / len(chart.series)
    for index, series in enumerate(chart.series):
        values = np.array(series.values, np.float64)
        sides = None
        if series.low is not None and series.high is not None:
            low, high = np.array(series.low, np.float64), np.array(series.high, np.float64)
            sides = np.stack([values - low, high - values])
        axes.bar(
            np.arange(len(values)) + width * (index - (len(chart.series) - 1) / 2),
            values,
            width,
            yerr=sides,
            color=LIGHT[line_style(index, len(chart.series)).colour],
            ecolor=LIGHT["ink"],
            capsize=3,
            label=label(series.name),
        )
    draw_levels(axes, ((level.name, level.value, "random") for level in chart.levels))
    is_wide = sum(map(len, chart.labels)) > WIDE
    axes.set_xticks(np.arange(len(chart.labels)), [label(name) for name in chart.labels])
    axes.tick_params(axis="x", rotation=30 if is_wide else 0)
    axes.grid(visible=False, axis="x")
    axes.set_axisbelow(True)
    axes.set_xlim(-0.5, len(chart.labels) - 0.5)
    axes.set_ylabel(words(chart.y_label, UPWARDS))
    if len(chart.series) > 1:
        axes.legend(fontsize=9, framealpha=0.85, edgecolor="none")


def draw_heat_map(figure: Figure, axes: Axes, chart: HeatMap) -> None:
    """A field for each row and column, with a bar that says what its colour means."""
    colours = LinearSegmentedColormap.from_list(chart.kind, SHARE_STOPS)
    scale = Normalize(chart.least, chart.greatest)
    values = np.array(chart.values, np.float64)
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=scale, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(chart.columns)), [label(name) for name in chart.columns])
    axes.set_yticks(np.arange(len(chart.rows)), [label(name) for name in chart.rows])
    axes.set_xlabel(words(chart.x_label, ALONG))
    axes.set_ylabel(words(chart.y_label, UPWARDS))
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=axes, fraction=0.04, pad=0.03)
    bar.set_label(label(chart.value_label))
