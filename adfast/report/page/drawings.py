"""The page's drawings, as inline SVG that CSS colours: the room, the paths, small curves and bars.

Units are cells: a cell is 1 wide and 1 high, and its centre lies at (column + 0.5, row + 0.5).
"""

from __future__ import annotations

from collections import Counter
from html import escape

import numpy as np

from adfast.report.palette import share_colour, text_colour_on
from adfast.report.room import Cell, Rollout, Room
from adfast.runs.files.results import EvaluationResults
from adfast.tasks.task_map import GOAL, TaskMap


def room_drawing(evaluation: EvaluationResults, room: Room) -> str:
    """The room's cells as tasks: evaluated ones by their share of the optimum."""
    outcomes = {row.task_id: row for row in evaluation.per_task}
    task_at = {cell: task_id for task_id, cell in room.goals.items()}
    parts = []
    for cell in np.ndindex(room.rows, room.columns):
        row, column = cell
        outcome = outcomes.get(task_at.get(cell, -1))
        if outcome is None:
            dot = f'<circle class="train-dot" cx="{column + 0.5}" cy="{row + 0.5}" r="0.09"/>'
            is_task = cell in task_at
            place = f"row {row}, column {column}: {'not evaluated' if is_task else 'no task'}"
            drawn = f"{_square(cell, 'plain')}{dot if is_task else ''}"
            parts.append(f"<g><title>{place}</title>{drawn}</g>")
            continue
        fill = share_colour(outcome.share)
        title = (
            f"{outcome.label}: {outcome.last5_mean:.1f} of {outcome.optimal:.1f} "
            "in the last 5 episodes"
        )
        text = (
            f'<text class="share" x="{column + 0.5}" y="{row + 0.62}" '
            f'fill="{text_colour_on(fill)}">{100 * outcome.share:.0f}</text>'
        )
        square = _square(cell, "held-out", f' fill="{fill}"')
        parts.append(f"<g><title>{escape(title)}</title>{square}{text}</g>")
    if room.start is not None:
        parts.append(_square(room.start, "start"))
    return _svg(room.rows, room.columns, "".join(parts), "The room, each cell a task")


def rollout_drawing(rollout: Rollout, plan: TaskMap) -> str:
    """One episode's path on the map: its steps grow darker, landmarks are framed."""
    parts = [_square(cell, "plain") for cell in np.ndindex(plan.rows, plan.columns)]
    visits = Counter(rollout.cells)
    for cell, count in sorted(visits.items()):
        strength = 0.08 + 0.3 * min(count / len(rollout.cells), 1.0)
        parts.append(_square(cell, "visited", f' fill-opacity="{strength:.2f}"'))
    for mark in plan.landmarks:
        if mark.room == rollout.room:
            kind = "goal" if mark.name == GOAL else "landmark"
            parts.append(_square((mark.row, mark.column), kind))
    steps = len(rollout.rewards)
    for step, (before, after) in enumerate(zip(rollout.cells[:-1], rollout.cells[1:], strict=True)):
        if before != after:
            opacity = 0.35 + 0.65 * step / max(steps - 1, 1)
            parts.append(
                f'<line class="path" x1="{before[1] + 0.5}" y1="{before[0] + 0.5}" '
                f'x2="{after[1] + 0.5}" y2="{after[0] + 0.5}" stroke-opacity="{opacity:.2f}"/>'
            )
    parts.append(_dot(rollout.cells[0], "path-start"))
    parts.append(_dot(rollout.cells[-1], "path-end"))
    if rollout.total and len(rollout.goals) == 1:
        row, column = rollout.goals[0]
        parts.append(
            f'<text class="reward" x="{column + 0.5}" y="{row + 0.64}">{rollout.total:g}</text>'
        )
    label = f"Path of episode {rollout.episode}, return {rollout.total:g}"
    return _svg(plan.rows, plan.columns, "".join(parts), label)


def sparkline(returns: np.ndarray, optimum: float | None) -> str:
    """A task's mean return by episode `[episodes]` as a small curve, below its optimum if known."""
    width, height = 100.0, 24.0
    levels = [*returns.tolist(), 0.0] + ([] if optimum is None else [optimum])
    bottom, top = min(levels), max(levels)
    scale = (height - 2) / max(top - bottom, 1e-9)
    xs = np.linspace(1, width - 1, len(returns))
    ys = height - 1 - scale * (returns - bottom)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    line = ""
    if optimum is not None:
        level = height - 1 - scale * (optimum - bottom)
        line = f'<line class="level" x1="0" x2="{width:g}" y1="{level:.1f}" y2="{level:.1f}"/>'
    return (
        f'<svg class="sparkline" viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none" '
        f'aria-hidden="true">{line}<polyline points="{points}"/></svg>'
    )


# Plotly's markers around the origin, of about the size that they have on a line.
MARKERS = {
    "circle": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
    "square": "M-3.2 -3.2h6.4v6.4h-6.4z",
    "triangle-up": "M0 -4L4 3.4H-4z",
    "diamond": "M0 -4.2L4.2 0L0 4.2L-4.2 0z",
    "x": "M-4 -2L-2 -4L0 -2L2 -4L4 -2L2 0L4 2L2 4L0 2L-2 4L-4 2L-2 0z",
    "cross": "M-1.4 -4h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6z",
    "star": "M0 -4.4L1.2 -1.5L4.2 -1.3L1.9 .6L2.6 3.6L0 2L-2.6 3.6L-1.9 .6L-4.2 -1.3L-1.2 -1.5z",
}


def line_sample(colour: str, dash: str, width: float, marker: str | None = None) -> str:
    """A short piece of a chart's line, for its legend."""
    lengths = {"dash": "6 4", "longdash": "10 4", "dot": "1.5 3.5", "dashdot": "7 3 1.5 3"}
    pattern = f' stroke-dasharray="{lengths[dash]}"' if dash in lengths else ""
    dot = ""
    if marker is not None:
        place = f'transform="translate(14 4)" fill="var(--{colour})"'
        dot = f'<path d="{MARKERS[marker]}" {place}/>'
    return (
        '<svg class="line-sample" viewBox="0 0 28 8" aria-hidden="true"><line x1="0" x2="28" '
        f'y1="4" y2="4" stroke="var(--{colour})" stroke-width="{width:g}"{pattern}/>{dot}</svg>'
    )


def dot_sample(colour: str) -> str:
    """A point of a chart, for its legend."""
    return (
        '<svg class="line-sample" viewBox="0 0 28 8" aria-hidden="true"><circle cx="14" cy="4" '
        f'r="4" fill="var(--{colour})"/></svg>'
    )


def _svg(rows: int, columns: int, content: str, label: str) -> str:
    margin = 0.06
    box = f"{-margin} {-margin} {columns + 2 * margin} {rows + 2 * margin}"
    return f'<svg class="room" viewBox="{box}" role="img" aria-label="{label}">{content}</svg>'


def _square(cell: Cell, kind: str, attributes: str = "") -> str:
    row, column = cell
    return (
        f'<rect class="{kind}" x="{column + 0.04:g}" y="{row + 0.04:g}" width="0.92" '
        f'height="0.92" rx="0.1"{attributes}/>'
    )


def _dot(cell: Cell, kind: str) -> str:
    return f'<circle class="{kind}" cx="{cell[1] + 0.5}" cy="{cell[0] + 0.5}" r="0.2"/>'
