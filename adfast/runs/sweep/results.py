"""What the finished points of a sweep came to: `sweep.json`, and the table on stdout.

The runs of a point, one per seed, are pooled: means over all their held-out tasks, intervals that
resample them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.provenance import collect_provenance
from adfast.runs.run_files import read_evaluation, write_json
from adfast.runs.sweep.axes import label_of, without_settings
from adfast.runs.sweep.plan import Point, SweepPlan

if TYPE_CHECKING:
    from adfast.runs.sweep.record import PointRecord


def write_results(path: Path, plan: SweepPlan) -> None:
    """Write `sweep.json` with the points of which every run is finished."""
    from adfast.runs.sweep.record import FILE_NAME, AxisRecord, SweepRecord

    points = [
        point_record(point, evaluations)
        for point in plan.points
        if (evaluations := read_evaluations(path, point)) is not None
    ]
    names = plan.names
    record = SweepRecord(
        name=path.resolve().name,
        family=plan.base.family.name,
        seeds=plan.seeds,
        held_out_tasks=plan.base.collection.held_out,
        evaluation_seeds=plan.base.evaluation.seeds,
        axes=tuple(
            AxisRecord(
                settings=axis.settings,
                names=tuple(names[setting] for setting in axis.settings[: axis.num_telling]),
                levels=tuple(
                    tuple(label_of(value) for value in level[: axis.num_telling])
                    for level in axis.levels
                ),
            )
            for axis in plan.axes
        ),
        num_points=len(plan.points),
        points=tuple(points),
        base=without_settings(plan.base.model_dump(mode="json"), names),
        provenance=collect_provenance(),
    )
    write_json(path / FILE_NAME, record.model_dump(mode="json"))


def read_evaluations(path: Path, point: Point) -> list[dict[str, Any]] | None:
    """The evaluations of a point's runs, or None while one is missing."""
    evaluations = []
    for run in point.runs:
        file = path / run.name / "evaluation.json"
        if not file.is_file():
            return None
        evaluation = read_evaluation(file, f"evaluate again: adfast evaluate {file.parent} --fresh")
        if "history_loss" not in evaluation:
            return None
        evaluations.append(evaluation)
    return evaluations


def point_record(point: Point, evaluations: list[dict[str, Any]]) -> PointRecord:
    """The runs of a point, pooled."""
    import numpy as np

    from adfast.evaluation.statistics import bootstrap_interval
    from adfast.evaluation.summary import LAST_EPISODES
    from adfast.runs.sweep.record import LossRecord, PointRecord

    by_task = np.concatenate(
        [np.array(evaluation["held_out"]["returns"]).mean(axis=1) for evaluation in evaluations]
    )  # [tasks of all runs, episodes]
    last = by_task[:, -LAST_EPISODES:].mean(axis=1)
    edges = min((evaluation["history_loss"]["edges"] for evaluation in evaluations), key=len)
    losses = [evaluation["history_loss"]["loss"][: len(edges) - 1] for evaluation in evaluations]
    seconds = {
        stage: round(sum(evaluation["seconds"][stage] for evaluation in evaluations), 3)
        for stage in evaluations[0]["seconds"]
    }
    first = evaluations[0]
    return PointRecord(
        levels=point.levels,
        settings=point.settings,
        runs=tuple(run.name for run in point.runs),
        receptive_field_transitions=first["receptive_field_transitions"],
        trained_context_transitions=first["trained_context_transitions"],
        episode_length=first["episode_length"],
        mean_by_episode=by_task.mean(axis=0).tolist(),
        ci95_by_episode=bootstrap_interval(by_task).T.tolist(),
        last5_mean=float(last.mean()),
        last5_ci95=bootstrap_interval(last).tolist(),
        optimal=float(np.mean([e["references"]["optimal"] for e in evaluations])),
        random=float(np.mean([e["references"]["random"] for e in evaluations])),
        history_loss=LossRecord(edges=edges, loss=np.mean(losses, axis=0).tolist()),
        seconds=seconds,
    )
