"""`sweep.html`: the figure of a sweep as an interactive page, with every point in a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from adfast.evaluation.statistics import share_of_optimum
from adfast.report.page.appendix import definitions
from adfast.report.page.document import document
from adfast.report.page.drawings import dot_sample, line_sample
from adfast.report.page.section import PageSection
from adfast.report.page.wording import counted, duration
from adfast.report.palette import Style
from adfast.report.sweep.charts import episodes_chart, loss_chart, returns_chart
from adfast.report.sweep.series import SweepSeries, sight, sweep_series
from adfast.runs.sweep.record import PointResults, SweepResults

SIGHT = (
    "A setting that \u201csees\u201d n transitions has a receptive field of n: through all its "
    "layers, no prediction can depend on more."
)


def sweep_page(sweep: SweepResults) -> bytes:
    """The page of a sweep."""
    series = sweep_series(sweep)
    sections = [
        returns_section(series),
        episodes_section(series),
        loss_section(series),
        points_section(sweep),
        PageSection("settings", "What all points share", definitions(sweep.base)),
        PageSection("provenance", "Provenance", definitions(sweep.provenance)),
    ]
    return document(
        title=f"{sweep.name}: a sweep",
        kicker=f"{escape(sweep.family)} \u00b7 sweep <b>{escape(sweep.name)}</b>",
        heading=heading(series),
        highlights=highlights(sweep),
        sections=sections,
        charts={
            "chart-returns": returns_chart(series),
            "chart-episodes": episodes_chart(series),
            "chart-loss": loss_chart(series),
        },
    )


def heading(series: SweepSeries) -> str:
    """The outcome in one sentence: the ends of the last group's line."""
    line = series.level_lines[-1]
    first, last = (series.ticks[level] for level in line.level[[0, -1]])
    among = f" ({series.group})" if series.group else ""
    return (
        f"With {series.title} {first} the model ends at a return of {line.mean[0]:.1f}, with "
        f"{last} at {line.mean[-1]:.1f}; the optimum is {series.optimal:.1f}{among}."
    )


def highlights(sweep: SweepResults) -> str:
    """The figures to remember, as an HTML list."""
    best = max(sweep.points, key=lambda point: point.last5_mean)
    low, high = best.last5_ci95
    missing = sweep.num_points - len(sweep.points)
    seconds = sum(sum(point.seconds.values()) for point in sweep.points)
    tasks = counted(sweep.num_tasks, f"{sweep.tasks} task")
    entries = (
        (str(len(sweep.points)), "points" + (f", {missing} more not finished" if missing else "")),
        (f"{best.last5_mean:.1f}",
         f"the best return in the last 5 episodes; 95% interval {low:.1f} to {high:.1f}"),
        (str(sweep.seeds * sweep.num_tasks * sweep.evaluation_seeds),
         f"histories behind each figure: {counted(sweep.seeds, 'run')} x {tasks} x "
         f"{counted(sweep.evaluation_seeds, 'seed')}"),
        (duration(seconds), "of work in all"),
    )  # fmt: skip
    items = (f"<li><strong>{figure}</strong><span>{text}</span></li>" for figure, text in entries)
    return f'<ul class="tiles">{"".join(items)}</ul>'


def returns_section(series: SweepSeries) -> PageSection:
    """Return at the end, against the first axis."""
    sentences = [
        "Mean return of the last five episodes on tasks that no history was collected on, weights "
        f"frozen, with a 95% bootstrap {'band' if series.is_ordered else 'interval'} over tasks.",
        *([SIGHT] if series.sees is not None else []),
    ]
    return PageSection(
        "returns",
        f"Return against {escape(series.title)}",
        chart(
            "returns",
            "Return against the first axis",
            line_keys(series.level_lines),
            is_line=series.is_ordered,
        ),
        " ".join(sentences),
    )


def episodes_section(series: SweepSeries) -> PageSection:
    """Return by episode."""
    return PageSection(
        "episodes",
        "Return per episode, in context",
        chart("episodes", "Return per episode", line_keys(series.point_lines)),
        of_group(series) + "A curve that rises is learning in context.",
    )


def loss_section(series: SweepSeries) -> PageSection:
    """Loss by position."""
    return PageSection(
        "loss",
        "Loss against the length of the history",
        chart("loss", "Next-action loss by position", line_keys(series.point_lines)),
        of_group(series) + "How well the model predicts the next action of the source algorithm, "
        "which learns these tasks from scratch, by how much of its history lies before. "
        "The source itself changes along the way, from searching to knowing: compare curves at "
        "one position, rather than one curve along its positions.",
    )


def points_section(sweep: SweepResults) -> PageSection:
    """A row per point."""
    names = [name for axis in sweep.axes for name in axis.names]
    cells = "".join(
        f'<th scope="col" class="number">{escape(name.replace("_", " "))}</th>' for name in names
    )
    header = (
        f'<tr>{cells}<th scope="col" class="number">receptive field</th>'
        '<th scope="col" class="number">last 5</th><th scope="col" class="number wide">95%</th>'
        '<th scope="col" class="number">of optimum</th>'
        '<th scope="col" class="number wide">loss at end</th>'
        '<th scope="col" class="number wide">training</th></tr>'
    )
    body = "".join(point_row(sweep, point) for point in sweep.points)
    return PageSection(
        "points",
        "Every point",
        f'<div class="scroll"><table><thead>{header}</thead><tbody>{body}</tbody></table></div>',
        f"{SIGHT} The loss at the end is that of the last positions in histories. Each "
        "point is one or several run directories; adfast report writes the page of one.",
    )


def point_row(sweep: SweepResults, point: PointResults) -> str:
    """A row of the table."""
    low, high = point.last5_ci95
    levels = zip(sweep.axes, point.levels, strict=True)
    share = f"{share_of_optimum(point.last5_mean, point.optimal):.0%}"
    entries = [
        *((escape(value), "") for axis, level in levels for value in axis.levels[level]),
        (sight(point.receptive_field_transitions).removeprefix("sees "), ""),
        (f"{point.last5_mean:.2f}", ""),
        (f"{low:.2f} to {high:.2f}", " wide"),
        (share, ""),
        (f"{point.history_loss.loss[-1]:.3f}", " wide"),
        (duration(point.seconds.get("train", 0.0)), " wide"),
    ]
    cells = "".join(f'<td class="number{kind}">{text}</td>' for text, kind in entries)
    return f"<tr>{cells}</tr>"


def chart(name: str, label: str, keys: Mapping[str, Style], *, is_line: bool = True) -> str:
    """The element that `page.js` draws `chart-NAME` into, and its legend of lines or points."""
    samples = {
        key: line_sample(style.colour, style.dash, 2.2) if is_line else dot_sample(style.colour)
        for key, style in keys.items()
    }
    legend = "".join(
        f"<li>{sample}<span><b>{escape(key)}</b></span></li>" for key, sample in samples.items()
    )
    return (
        f'<div class="chart" id="chart-{name}" role="img" aria-label="{label}"></div>'
        f'<ul class="legend">{legend}</ul>'
    )


def line_keys(lines: Iterable[Any]) -> dict[str, Style]:
    """Name -> style of the lines of a chart."""
    return {line.name: line.style for line in lines}


def of_group(series: SweepSeries) -> str:
    """Which points a chart shows, as the beginning of its caption."""
    return f"Shown are the points with {escape(series.group)}. " if series.group else ""
