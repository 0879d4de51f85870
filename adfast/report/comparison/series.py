"""The series that a comparison's figure shows, by its axes, once for the PNG and for the page.

In context are the axes of episodes and of environment steps, while training those of updates,
seconds and transitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adfast.errors import InvalidArgument
from adfast.report.page.wording import counted, quantity
from adfast.report.palette import MOST_COMPARED, Style, compared_style
from adfast.runs.comparison.record import (
    ComparedReferences,
    ComparisonResults,
    DataSeen,
    MethodResults,
)
from adfast.runs.comparison.verdicts import Judged
from adfast.values import as_choice

# Axis -> its title.
IN_CONTEXT = {"episodes": "episode in context", "environment-steps": "environment steps in context"}
WHILE_TRAINING = {
    "updates": "updates of training",
    "seconds": "seconds of training",
    "transitions": "transitions trained on, repeats counted",
}
AXES = (*IN_CONTEXT, *WHILE_TRAINING)
RETURN = "return per episode"


@dataclass(frozen=True)
class ComparedLine:
    """A line; `about` says what stands behind it, `low` and `high` are its band if it has one."""

    name: str
    about: str
    style: Style
    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class ComparedSeries:
    """All that the figure draws over one axis: the source first, and levels across.

    `absent` are the methods that nothing is known of by this axis.
    """

    title: str
    lines: tuple[ComparedLine, ...]
    levels: tuple[tuple[str, float, str], ...]
    absent: tuple[str, ...]


def series_by_axis(comparison: ComparisonResults, asked: str) -> dict[str, ComparedSeries]:
    """The series of every axis by which something is known of a method.

    Raises `InvalidArgument` where `asked` is none, and for more methods than can be told apart.
    """
    asked = as_choice("axis", asked, AXES)
    if len(comparison.methods) > MOST_COMPARED:
        raise InvalidArgument(
            f"at most {MOST_COMPARED} methods can be told apart in one figure, got "
            f"{len(comparison.methods)}; compare fewer"
        )
    series = {axis: series_of(comparison, axis) for axis in AXES}
    known = {
        axis: found for axis, found in series.items() if len(found.absent) < len(comparison.methods)
    }
    if asked not in known:
        raise InvalidArgument(
            f"axis {asked}: of no run is anything known by it, because none was evaluated while it "
            f"trained (training.evaluate_every = none); choose one of {', '.join(known)}"
        )
    return known


def series_of(comparison: ComparisonResults, axis: str) -> ComparedSeries:
    """The series over one axis."""
    lines = {
        method.label: line_of(method, axis, compared_style(index))
        for index, method in enumerate(comparison.methods)
    }
    drawn = [line for line in lines.values() if line is not None]
    references = comparison.references
    if axis in IN_CONTEXT and drawn:
        source = source_line(references, axis, max(line.x[-1] for line in drawn))
        drawn = [*([] if source is None else [source]), *drawn]
    levels = [("random", references.random, "random"), ("optimum", references.optimal, "optimal")]
    return ComparedSeries(
        title=(IN_CONTEXT | WHILE_TRAINING)[axis],
        lines=tuple(drawn),
        levels=tuple((name, value, colour) for name, value, colour in levels if value is not None),
        absent=tuple(label for label, line in lines.items() if line is None),
    )


def line_of(method: MethodResults, axis: str, style: Style) -> ComparedLine | None:
    """A method's line over an axis; None where nothing is known of it."""
    about = f"{counted(len(method.seeds), 'training seed')}; {data_in_words(method.data)}"
    if axis in IN_CONTEXT:
        curve = method.in_context
        places: Mapping[str, tuple[float, ...] | None] = {
            "episodes": tuple(range(1, len(curve.mean) + 1)),
            "environment-steps": curve.environment_steps,
        }
        x, low, high = places[axis], curve.low, curve.high
        values = [x, curve.mean, low, high]
    elif (training := method.training) is not None:
        x = {
            "updates": training.updates,
            "seconds": training.seconds,
            "transitions": training.transitions,
        }[axis]
        values = [x, training.mean, training.low, training.high]
    else:
        return None
    if x is None:
        return None
    arrays = [None if value is None else np.array(value, np.float64) for value in values]
    assert arrays[0] is not None, "as was seen"
    assert arrays[1] is not None, "every curve has a mean"
    return ComparedLine(method.label, about, style, arrays[0], arrays[1], arrays[2], arrays[3])


def source_line(references: ComparedReferences, axis: str, last: float) -> ComparedLine | None:
    """The source: by episode as the data keeps it, by environment steps as it acted.

    It ends where the methods do, at `last`.
    """
    style, every = Style("source", "dot"), references.keep_every
    source = f"{references.source_name}, which {references.source_of} learned from"
    if axis == "episodes" and references.source_kept is not None:
        mean = np.array(references.source_kept)
        kept = "every episode" if every == 1 else f"one of {every} episodes, as the data keeps it"
        return ComparedLine(
            "source", f"{source}; {kept}", style, np.arange(1.0, len(mean) + 1), mean
        )
    length = references.episode_length
    if axis == "environment-steps" and references.source is not None and length is not None:
        mean = np.array(references.source)
        x = length * np.arange(1.0, len(mean) + 1)
        return ComparedLine("source", f"{source}; every episode", style, x, mean)
    return None


def resampled(found: Judged) -> str:
    """What an interval was made by: "3 seeds and their tasks, paired"."""
    what = f"{counted(found.seeds, 'seed')} and {'its' if found.seeds == 1 else 'their'} tasks"
    if found.against is None:
        return what
    return {
        "seeds and tasks": f"{what}, paired",
        "seeds": f"{what}, seeds paired",
        "none": f"at least {what} of each, not paired",
    }[found.pairing]


def data_in_words(data: DataSeen | None) -> str:
    """What a method saw: "17 tasks, 1.2 M transitions of 9.1 M source steps"."""
    if data is None:
        return "learned from no data"
    tasks = counted(data.tasks, "task")
    if data.transitions is None:
        return f"{tasks}, transitions unknown"
    transitions = f"{quantity(data.transitions)} transitions"
    if data.source_steps is None:
        return f"{tasks}, {transitions}, {data.source or 'source unknown'}"
    if data.source == "itself":
        return f"{tasks}, {quantity(data.source_steps)} environment steps of its own"
    most = "at most " if data.is_bound else ""
    return f"{tasks}, {transitions} of {most}{quantity(data.source_steps)} steps of {data.source}"
