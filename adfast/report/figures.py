"""The figures of a run as PNG, for a README, a paper or a slide; the page draws the same itself."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from adfast.report.axes import draw_line, frame_cell, grid_axes, plain_axes
from adfast.report.curves import TrainingSeries, context_marks, return_curves, training_series
from adfast.report.palette import LIGHT, SHARE_STOPS, Style, share_colour, text_colour_on
from adfast.report.room import LearningStory, Rollout, Room
from adfast.report.trials import trial_figure, trial_series
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_record import RunRecord
from adfast.tasks.task_map import GOAL, TaskMap

FIGURES = ("return_per_episode", "training_curve", "room_heat_map", "trajectories")


def draw_figures(
    run: RunRecord, room: Room | None, story: LearningStory | None
) -> dict[str, Figure]:
    """The figures that the run has the data for, by name."""
    figures: dict[str, Figure] = {}
    figures["return_per_episode"] = return_figure(run.evaluation)
    if run.metrics is not None:
        figures["training_curve"] = training_figure(training_series(run.metrics))
    if run.trials is not None:
        figures["training_curve"] = trial_figure(trial_series(run.trials))
    if room is not None:
        figures["room_heat_map"] = room_figure(run.evaluation, room)
    if story is not None:
        figures["trajectories"] = story_figure(story)
    return figures


def return_figure(evaluation: EvaluationResults) -> Figure:
    """Return per episode of the frozen model, against every reference."""
    figure = Figure(figsize=(8, 4.8), layout="constrained", facecolor=LIGHT["card"])
    axes = plain_axes(figure.add_subplot())
    for curve in return_curves(evaluation):
        colour = LIGHT[curve.colour]
        if curve.band is not None:
            axes.fill_between(curve.episodes, *curve.band, color=colour, alpha=0.18, linewidth=0)
        style = Style(curve.colour, curve.dash)
        draw_line(axes, curve.name, curve.episodes, curve.values, style, linewidth=curve.width)
    for mark in context_marks(evaluation):
        axes.axvline(mark.episodes + 0.5, color=LIGHT["muted"], linewidth=1)
        axes.annotate(
            f"{mark.label} {mark.when}",
            (mark.episodes + 0.5, 1.02 + 0.06 * mark.level),
            xycoords=("data", "axes fraction"),
            color=LIGHT["muted"],
            fontsize=9,
            horizontalalignment=mark.anchor,
        )
    axes.set_xlim(0.5, evaluation.episodes + 0.5)
    axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
    axes.set_xlabel("episode in context")
    axes.set_ylabel("return per episode")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10]))
    figure.legend(
        *(reversed(part) for part in axes.get_legend_handles_labels()),
        loc="outside upper left",
        ncols=4,
        frameon=False,
        fontsize=9,
    )
    return figure


def training_figure(series: TrainingSeries) -> Figure:
    """Loss, accuracy and validation return against updates, with tokens along the top."""
    panels = [
        ("loss", series.update, series.loss, "source"),
        ("accuracy", series.update, series.accuracy, "accuracy"),
    ]
    if series.evaluated_update.size:
        name = f"{series.evaluated_on} return"
        panels.append((name, series.evaluated_update, series.evaluated_return, "model"))
    figure = Figure(
        figsize=(8, 1.9 * len(panels) + 0.6), layout="constrained", facecolor=LIGHT["card"]
    )
    all_axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
    for axes, (name, update, values, colour) in zip(all_axes, panels, strict=True):
        marker = "o" if len(values) <= 40 else None
        plain_axes(axes).plot(
            update, values, color=LIGHT[colour], linewidth=1.8, marker=marker, markersize=4
        )
        axes.set_ylabel(name)
    all_axes[-1].set_xlabel("update")
    figure.align_ylabels()
    tokens_per_update = series.tokens[-1] / series.update[-1] if series.update[-1] > 0 else 1.0
    top = all_axes[0].secondary_xaxis(
        "top",
        functions=(
            lambda update: update * tokens_per_update / 1e6,
            lambda millions: millions * 1e6 / tokens_per_update,
        ),
    )
    top.set_xlabel("million tokens", color=LIGHT["muted"])
    top.tick_params(colors=LIGHT["muted"], length=3)
    top.spines["top"].set_visible(False)
    return figure


def room_figure(evaluation: EvaluationResults, room: Room) -> Figure:
    """The room's cells as tasks: evaluated ones by their share of the optimum."""
    figure = Figure(figsize=(6.2, 5.6), layout="constrained", facecolor=LIGHT["card"])
    axes = grid_axes(figure.add_subplot(), room.rows, room.columns)
    evaluated = {outcome.task_id for outcome in evaluation.per_task}
    others = [cell for task_id, cell in room.goals.items() if task_id not in evaluated]
    rows, columns = np.array(others, dtype=np.int64).reshape(-1, 2).T
    axes.plot(columns, rows, ".", color=LIGHT["random"], alpha=0.55, markersize=5)
    for outcome in evaluation.per_task:
        row, column = room.goals[outcome.task_id]
        fill = share_colour(outcome.share)
        axes.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, facecolor=fill))
        axes.text(
            column,
            row,
            f"{outcome.share:.0%}",
            horizontalalignment="center",
            verticalalignment="center",
            fontsize=min(10.0, 90 / room.columns),
            color=text_colour_on(fill),
        )
    if room.start is not None:
        frame_cell(axes, room.start, "ink", 0.92)
    colours = LinearSegmentedColormap.from_list("share of the optimum", SHARE_STOPS)
    bar = figure.colorbar(ScalarMappable(cmap=colours), ax=axes, fraction=0.04, pad=0.03)
    bar.set_label("share of the optimum, last 5 episodes")
    bar.outline.set_visible(False)  # type: ignore[operator]
    axes.set_title(
        f"{evaluation.tasks_kind} tasks in colour, the others dotted, start outlined",
        fontsize=10,
        color=LIGHT["muted"],
    )
    return figure


def story_figure(story: LearningStory) -> Figure:
    """The paths of one task's first, middle and last episodes."""
    columns = len(story.rollouts)
    figure = Figure(figsize=(3.3 * columns, 3.8), layout="constrained", facecolor=LIGHT["card"])
    all_axes = np.atleast_1d(figure.subplots(1, columns))
    for axes, rollout in zip(all_axes, story.rollouts, strict=True):
        _draw_rollout(grid_axes(axes, story.map.rows, story.map.columns), rollout, story.map)
        axes.set_title(f"episode {rollout.episode}: return {rollout.total:g}", fontsize=11)
    return figure


def _draw_rollout(axes: Axes, rollout: Rollout, plan: TaskMap) -> None:
    for mark in plan.landmarks:
        if mark.room == rollout.room:
            colour = "source" if mark.name == GOAL else "muted"
            frame_cell(axes, (mark.row, mark.column), colour, 0.88)
    path = np.array(rollout.cells, dtype=np.float64)
    opacity = np.linspace(0.35, 1.0, len(rollout.rewards))
    for step, alpha in enumerate(opacity):
        before, after = path[step], path[step + 1]
        axes.plot(
            (before[1], after[1]),
            (before[0], after[0]),
            color=LIGHT["model"],
            linewidth=2.5,
            alpha=alpha,
            solid_capstyle="round",
        )
    axes.plot(path[0, 1], path[0, 0], "o", color=LIGHT["card"], markeredgecolor=LIGHT["model"])
    axes.plot(path[-1, 1], path[-1, 0], "o", color=LIGHT["model"])
    if rollout.total and len(rollout.goals) == 1:
        goal_row, goal_column = rollout.goals[0]
        axes.text(
            goal_column,
            goal_row,
            f"{rollout.total:g}",
            horizontalalignment="center",
            verticalalignment="center_baseline",
            fontsize=11,
            fontweight="bold",
            color=LIGHT["ink"],
            bbox={"facecolor": LIGHT["card"], "linewidth": 0, "pad": 1.0},
            zorder=3,
        )
