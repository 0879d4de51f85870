"""`comparison.html`: the figure of a comparison over each axis, and all methods in a table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from adfast.evaluation.summary import LAST_EPISODES
from adfast.report.comparison.series import (
    IN_CONTEXT,
    RETURN,
    ComparedSeries,
    data_in_words,
    resampled,
)
from adfast.report.page.appendix import definitions
from adfast.report.page.document import document
from adfast.report.page.drawings import line_sample
from adfast.report.page.plotly import (
    FEW_EPISODES,
    Chart,
    band,
    chart_layout,
    level_marks,
    trace_of,
)
from adfast.report.page.section import PageSection
from adfast.report.page.wording import counted, duration
from adfast.runs.comparison.record import ComparisonResults, MethodResults

CAPTION = (
    "Bands are 95% intervals: training seeds are drawn again, and of each its tasks, so that both "
    "count. While training, on validation tasks and with an interval over seeds alone; what a "
    "method saw is told of one of its runs, every step that its source took counted, kept or not."
)
VERDICTS_CAPTION = (
    "Rises: the last five episodes less the first five, or halves of fewer than ten. At or above: "
    "the last five of one less those of the other. A claim is so where all of the interval says "
    "it, and not where none of it does. What two methods have in common, training seeds and the "
    "tasks of each, is drawn together."
)
ROOM_FOR_LEVELS = 62  # pixels, for their names


def comparison_page(
    comparison: ComparisonResults, series: Mapping[str, ComparedSeries], axis: str
) -> bytes:
    """The page of a comparison, which shows `axis` first."""
    sections = [
        figure_section(series, axis),
        methods_section(comparison),
        *([verdicts_section(comparison)] if comparison.verdicts else ()),
        PageSection("runs", "Runs", runs_of(comparison), "Each with its training seed."),
        PageSection("provenance", "Provenance", definitions(comparison.provenance)),
    ]
    return document(
        title=f"{comparison.tasks}: a comparison",
        kicker=f"{escape(comparison.tasks)} \u00b7 comparison",
        heading=heading(comparison),
        highlights=highlights(comparison),
        sections=sections,
        charts={element(axis): chart_of(axis, found) for axis, found in series.items()},
    )


def heading(comparison: ComparisonResults) -> str:
    """The outcome in one sentence: who earns most at the end, and whether that is sure."""
    ordered = sorted(comparison.methods, key=lambda method: -method.last5_mean)
    best = ordered[0]
    episodes = counted(comparison.episodes, "episode")
    which = f"the last five of {episodes}" if comparison.episodes > LAST_EPISODES else episodes
    last = f"{best.last5_mean:.1f} in {which}"
    if len(ordered) == 1:
        return f"{best.label} earns {last}."
    second = ordered[1]
    if is_told_apart(comparison, best, second):
        return (
            f"{best.label} earns most, {last}; {second.label} follows at {second.last5_mean:.1f}."
        )
    return (
        f"{best.label} and {second.label} are not told apart: {last} and {second.last5_mean:.1f}."
    )


def is_told_apart(comparison: ComparisonResults, one: MethodResults, other: MethodResults) -> bool:
    """Whether the interval of their difference, or before there were such each one's, says who
    earns more.
    """
    found = comparison.difference_of(one.label, other.label)
    if found is None or found.low is None or found.high is None:
        return one.last5_ci95[0] > other.last5_ci95[1]
    return found.low > 0 or found.high < 0


def highlights(comparison: ComparisonResults) -> str:
    """The figures to remember, as an HTML list."""
    methods = comparison.methods
    runs = sum(len(method.runs) for method in methods)
    tasks = max(method.num_tasks for method in methods)
    seconds = sum(sum(method.seconds.values()) for method in methods)
    entries = [
        (f"{len(methods)}", f"compared, of {counted(runs, 'run')}"),
        (f"{tasks}", f"{comparison.tasks_kind} tasks of each run"),
        (duration(seconds), "of work in all"),
    ]
    if comparison.references.optimal is not None:
        entries.insert(1, (f"{comparison.references.optimal:.1f}", "the optimum of these tasks"))
    items = (f"<li><strong>{figure}</strong><span>{text}</span></li>" for figure, text in entries)
    return f'<ul class="tiles">{"".join(items)}</ul>'


def figure_section(series: Mapping[str, ComparedSeries], chosen: str) -> PageSection:
    """The chart of each axis with its legend, one of them shown."""
    choices = "".join(
        f'<input type="radio" name="axis" id="axis-{axis}"{" checked" if axis == chosen else ""}>'
        f'<label for="axis-{axis}">{axis.replace("-", " ")}</label>'
        for axis in series
    )
    panels = "".join(
        f'<div class="panel"><div class="chart" id="{element(axis)}" role="img" '
        f'aria-label="{RETURN}, {found.title}"></div>{legend(found)}</div>'
        for axis, found in series.items()
    )
    return PageSection("returns", "Return", f'<div class="choice">{choices}{panels}</div>', CAPTION)


def legend(series: ComparedSeries) -> str:
    """The lines of a chart with what stands behind each, and who has none."""
    entries = "".join(
        f"<li>{line_sample(line.style.colour, line.style.dash, 2.2, line.style.marker)}"
        f"<span><b>{escape(line.name)}</b>: {escape(line.about)}</span></li>"
        for line in series.lines
    )
    absent = ""
    if series.absent:
        names = escape(", ".join(series.absent))
        absent = f'<p class="caption">Nothing is known by this axis of: {names}.</p>'
    return f'<ul class="legend">{entries}</ul>{absent}'


def chart_of(axis: str, series: ComparedSeries) -> Chart:
    """A chart; see `adfast.report.page.plotly`."""
    traces: list[dict[str, Any]] = []
    for line in series.lines:
        trace = trace_of(line.name, line.x, line.mean, line.style)
        if line.low is not None and line.high is not None:
            traces += band(line.x, line.low, line.high, line.style.colour, opacity=0.13)
            trace["customdata"] = np.column_stack([line.low, line.high]).round(3).tolist()
            trace["hovertemplate"] += " (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
        traces.append(trace)
    layout = chart_layout(440, 12, series.title, RETURN)
    layout |= level_marks(series.levels, is_beside=True)
    layout["margin"] |= {"r": ROOM_FOR_LEVELS}
    layout["yaxis"]["rangemode"] = "tozero"
    layout["xaxis"]["unifiedhovertitle"] = {"text": f"{axis.replace('-', ' ')}: %{{x:,.0f}}"}
    if axis in IN_CONTEXT:
        layout["xaxis"]["rangemode"] = "tozero"
    if axis == "episodes" and max(len(line.x) for line in series.lines) <= FEW_EPISODES:
        layout["xaxis"]["dtick"] = 1  # no halves of an episode
    # A label with every curve would hide a narrow chart.
    return {"data": traces, "layout": layout, "compact": {"height": 340, "hovermode": "closest"}}


def element(axis: str) -> str:
    """The id of the chart of an axis."""
    return f"chart-{axis}"


def methods_section(comparison: ComparisonResults) -> PageSection:
    """A row for each method, and what a reader must know."""
    header = "".join(
        f'<th scope="col" class="{kind}">{name}</th>'
        for name, kind in (
            ("method", "whole"), ("seeds", "number wide"), ("first episode", "number wide"),
            ("last five", "number"), ("95%", "number"), ("of optimum", "number"),
            ("what it saw", "wide"), ("training", "number wide"),
        )
    )  # fmt: skip
    body = "".join(map(method_row, comparison.methods))
    return PageSection(
        "methods",
        "Every method",
        f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>'
        "</div>",
        escape(" ".join(comparison.notes)),
    )


def verdicts_section(comparison: ComparisonResults) -> PageSection:
    """A row for each claim, with the number that decides it."""
    header = "".join(
        f'<th scope="col" class="{kind}">{name}</th>'
        for name, kind in (
            ("claim", "whole"), ("verdict", "number"), ("by (95% interval)", "number"),
            ("resampled", "wide"),
        )
    )  # fmt: skip
    body = "".join(
        f'<tr><th scope="row" class="whole">{escape(found.claim)}</th>'
        f'<td class="number"><b>{found.verdict}</b></td>'
        f'<td class="number interval">{found.numbers}</td>'
        f'<td class="wide">{resampled(found)}</td></tr>'
        for found in comparison.shown_verdicts
    )
    return PageSection(
        "verdicts",
        "Verdicts",
        f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>'
        "</div>",
        VERDICTS_CAPTION,
    )


def method_row(method: MethodResults) -> str:
    """A row of the table."""
    low, high = method.last5_ci95
    share = method.share_of_optimal
    training = method.seconds.get("train")
    entries = (
        (str(len(method.seeds)), "number wide"),
        (f"{method.in_context.mean[0]:.2f}", "number wide"),
        (f"{method.last5_mean:.2f}", "number"),
        (f"{low:.2f} to {high:.2f}", "number"),
        ("-" if share is None else f"{share:.0%}", "number"),
        (data_in_words(method.data), "wide"),
        ("-" if training is None else duration(training), "number wide"),
    )
    cells = "".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in entries)
    return f'<tr><th scope="row">{escape(method.label)}</th>{cells}</tr>'


def runs_of(comparison: ComparisonResults) -> str:
    """The directories behind each method."""
    return definitions(
        {
            method.label: {
                run: f"seed {seed}" for run, seed in zip(method.runs, method.seeds, strict=True)
            }
            for method in comparison.methods
        }
    )
