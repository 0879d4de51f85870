"""The series that a sweep's figure shows, defined once for the PNG and for the page.

The first axis of the sweep, the attention window as a rule, is the horizontal one of the first
panel and the colour of the lines in the other two; the other axes are the lines of the first panel.
The other two panels show the last of these lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from adfast.report.palette import Style, line_style
from adfast.runs.sweep.record import PointResults, SweepResults

MARGIN = 0.4  # beside the first and the last level, of the space between two
ASIDE = 0.6  # of the space between two levels, for the points of all groups


@dataclass(frozen=True)
class LevelLine:
    """The first panel's line of one group: its points over levels `[L]` of the first axis.

    `place` `[L]` is where they are drawn.
    """

    name: str
    style: Style
    level: np.ndarray
    place: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    optimal: float


@dataclass(frozen=True)
class PointLines:
    """A line in each of the other two panels, of one level of the first axis.

    `mean`, `low` and `high` are by episode; `position` and `loss` by bin of positions.
    """

    name: str
    style: Style
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    position: np.ndarray
    loss: np.ndarray


@dataclass(frozen=True)
class SweepSeries:
    """All that the figure draws. `ticks` are the levels' labels, `sees` what each can see.

    Levels that are no quantities (`is_ordered` false) have nothing between them: their points are
    not joined, and those of several groups stand side by side.
    """

    title: str  # of the first axis
    is_ordered: bool
    ticks: tuple[str, ...]
    sees: tuple[str, ...] | None  # None where it depends on more than the first axis
    level_lines: tuple[LevelLine, ...]
    group: str  # whose points the other panels show; "" where there is only one group
    point_lines: tuple[PointLines, ...]
    optimal: float  # of that group
    random: float


def sweep_series(sweep: SweepResults) -> SweepSeries:
    """The series of a sweep of which at least one point is finished."""
    first, *others = sweep.axes
    groups = list(product(*(range(len(axis.levels)) for axis in others)))
    by_group = {
        group: [point for point in sweep.points if point.levels[1:] == group] for group in groups
    }
    shown = [group for group in groups if by_group[group]]
    names = {
        group: "; ".join(axis.label(level) for axis, level in zip(others, group, strict=True))
        for group in shown
    }
    focus = by_group[shown[-1]]
    count = len(first.levels)
    is_ordered = all(is_quantity(level[0]) for level in first.levels)
    return SweepSeries(
        title=first.title,
        is_ordered=is_ordered,
        ticks=tuple(", ".join(level) for level in first.levels),
        sees=labels_of_sight(sweep),
        level_lines=tuple(
            level_line(
                names[group],
                by_group[group],
                line_style(index, len(shown)),
                aside=0.0 if is_ordered else ASIDE * (index - (len(shown) - 1) / 2) / len(shown),
                tasks=sweep.tasks,
            )
            for index, group in enumerate(shown)
        ),
        group=names[shown[-1]],
        point_lines=tuple(
            point_lines(first.label(point.levels[0]), point, line_style(point.levels[0], count))
            for point in focus
        ),
        optimal=float(np.mean([point.optimal for point in focus])),
        random=float(np.mean([point.random for point in focus])),
    )


def is_quantity(value: str) -> bool:
    """Whether a level is a number, or the absence of a limit."""
    try:
        float(value)
    except ValueError:
        return value == "none"
    return True


def level_line(
    name: str, points: list[PointResults], style: Style, aside: float, tasks: str
) -> LevelLine:
    """The line of one group through its finished points, drawn `aside` levels to the right."""
    low, high = np.array([point.last5_ci95 for point in points]).T
    return LevelLine(
        name=name or f"model, {tasks} tasks",
        style=style,
        level=np.array([point.levels[0] for point in points]),
        place=np.array([point.levels[0] for point in points]) + aside,
        mean=np.array([point.last5_mean for point in points]),
        low=low,
        high=high,
        optimal=float(np.mean([point.optimal for point in points])),
    )


def point_lines(name: str, point: PointResults, style: Style) -> PointLines:
    """The lines of one point by episode and by position."""
    low, high = np.array(point.ci95_by_episode).T
    edges = np.array(point.history_loss.edges, np.float64)
    return PointLines(
        name=name,
        style=style,
        mean=np.array(point.mean_by_episode),
        low=low,
        high=high,
        position=(edges[:-1] + edges[1:]) / 2,
        loss=np.array(point.history_loss.loss),
    )


def labels_of_sight(sweep: SweepResults) -> tuple[str, ...] | None:
    """The receptive field at each level of the first axis, if that alone decides it."""
    labels = []
    for level in range(len(sweep.axes[0].levels)):
        fields = {
            point.receptive_field_transitions for point in sweep.points if point.levels[0] == level
        }
        if len(fields) > 1:
            return None
        labels.append(sight(fields.pop()) if fields else "")
    return tuple(labels)


def sight(receptive_field: int | None) -> str:
    """A receptive field in words."""
    return "sees all" if receptive_field is None else f"sees {receptive_field:,}"
