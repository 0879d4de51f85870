"""What the finished points of a sweep came to, pooled from their runs: `sweep.json`.

The runs of a point, one per seed, are pooled: means over all their tasks, intervals that
resample them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adfast.durable import replace_file
from adfast.evaluation.config import VALIDATION
from adfast.provenance import collect_provenance
from adfast.runs.files.results import EvaluationResults, HistoryLossResults, LossByPosition
from adfast.runs.files.run_directory import RunDirectory
from adfast.runs.files.stage_records import seconds_of
from adfast.runs.sweep.axes import Axis, label_of, without_settings
from adfast.runs.sweep.plan import PlannedRun, Point, SweepPlan
from adfast.runs.sweep.record import FILE_NAME, AxisLevels, PointResults, SweepResults


def write_results(path: Path, plan: SweepPlan) -> None:
    """Write `sweep.json` with the points of which every run is finished."""
    replace_file(path / FILE_NAME, [collect_results(path, plan).to_json()])


def collect_results(path: Path, plan: SweepPlan) -> SweepResults:
    """What the finished points of the sweep in `path` came to."""
    names = plan.names
    collection, settings = plan.base.collection, plan.base.evaluation
    points = [
        pooled(point, runs)
        for point in plan.points
        if (runs := finished_runs(path, point)) is not None
    ]
    return SweepResults(
        name=path.resolve().name,
        family=plan.base.family.name,
        seeds=plan.seeds,
        tasks=settings.tasks,
        num_tasks=collection.validation if settings.tasks == VALIDATION else collection.held_out,
        evaluation_seeds=plan.base.evaluation.seeds,
        axes=tuple(levels_of(axis, names) for axis in plan.axes),
        num_points=len(plan.points),
        points=tuple(points),
        base=without_settings(plan.base.model_dump(mode="json"), names),
        provenance=collect_provenance(),
    )


def levels_of(axis: Axis, names: dict[str, str]) -> AxisLevels:
    """An axis by the short names of its telling settings, its values as a person writes them."""
    return AxisLevels(
        settings=axis.settings,
        names=tuple(names[setting] for setting in axis.settings[: axis.num_telling]),
        levels=tuple(
            tuple(label_of(value) for value in level[: axis.num_telling]) for level in axis.levels
        ),
    )


@dataclass(frozen=True)
class FinishedRun:
    """What one run of a point found, and how long its stages took."""

    evaluation: EvaluationResults
    history_loss: LossByPosition
    seconds: dict[str, float]


def finished_runs(path: Path, point: Point) -> list[FinishedRun] | None:
    """The runs of a point, or None while one is missing."""
    runs = [finished_run(path, planned) for planned in point.runs]
    found = [run for run in runs if run is not None]
    return found if len(found) == len(runs) else None


def finished_run(path: Path, planned: PlannedRun) -> FinishedRun | None:
    """What a run found, None while it has not."""
    run = RunDirectory(path / planned.name, planned.recipe)
    files = run.evaluation(planned.evaluation)
    if not (run.is_finished(files.stage) and run.is_finished("history_loss")):
        return None
    losses = HistoryLossResults.read(run.history_loss, "delete it and give the same command again")
    took = seconds_of(run.stages())
    seconds = {
        "evaluate" if stage == files.stage else stage: took[stage]
        for stage in ("collect", "train", files.stage, "history_loss")
        if stage in took
    }
    return FinishedRun(files.read(), losses.by_position, seconds)


def pooled(point: Point, runs: list[FinishedRun]) -> PointResults:
    """The runs of a point as one."""
    from adfast.evaluation.statistics import bootstrap_interval
    from adfast.evaluation.summary import LAST_EPISODES

    evaluations = [run.evaluation for run in runs]
    by_task = np.concatenate(
        [evaluation.evaluated.array.mean(axis=1) for evaluation in evaluations]
    )  # [tasks of all runs, episodes]
    last = by_task[:, -LAST_EPISODES:].mean(axis=1)
    edges = min((run.history_loss.edges for run in runs), key=len)
    losses = [run.history_loss.loss[: len(edges) - 1] for run in runs]
    references = [evaluation.references for evaluation in evaluations]
    first = evaluations[0]
    return PointResults(
        levels=point.levels,
        settings=point.settings,
        runs=tuple(planned.name for planned in point.runs),
        evaluation=point.runs[0].evaluation,
        receptive_field_transitions=first.receptive_field_transitions,
        trained_context_transitions=first.trained_context_transitions,
        episode_length=first.episode_length,
        mean_by_episode=by_task.mean(axis=0).tolist(),
        ci95_by_episode=bootstrap_interval(by_task).T.tolist(),
        last5_mean=float(last.mean()),
        last5_ci95=bootstrap_interval(last).tolist(),
        optimal=float(np.mean([reference.optimal for reference in references])),
        random=float(np.mean([reference.random for reference in references])),
        history_loss=LossByPosition(edges=edges, loss=np.mean(losses, axis=0).tolist()),
        seconds={
            stage: round(sum(run.seconds[stage] for run in runs), 3) for stage in runs[0].seconds
        },
    )
