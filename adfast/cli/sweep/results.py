"""What the finished points of a sweep came to: `sweep.json`, and the table on stdout.

The runs of a point, one per seed, are pooled: means over all their held-out tasks, intervals that
resample them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.cli.run_files import read_evaluation, write_json
from adfast.cli.sweep.axes import label_of, without_settings
from adfast.cli.sweep.plan import Point, SweepPlan
from adfast.printable import printable
from adfast.provenance import collect_provenance

if TYPE_CHECKING:
    from rich.table import Table

    from adfast.report.sweep.record import PointRecord, SweepRecord


def write_results(path: Path, plan: SweepPlan) -> None:
    """Write `sweep.json` with the points of which every run is finished."""
    from adfast.report.sweep.record import FILE_NAME, AxisRecord, SweepRecord

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
    from adfast.report.sweep.record import LossRecord, PointRecord

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


def results_table(sweep: SweepRecord) -> Table:
    """A row per finished point: its settings, how far it sees, and what it came to."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    missing = sweep.num_points - len(sweep.points)
    table = Table(
        title=Text(
            f"{printable(sweep.name)}: {len(sweep.points)} points"
            + (f", {missing} more not finished" if missing else ""),
            style="table.title",
        ),
        caption="Receptive field in transitions; mean return of the last five episodes on held-out "
        "tasks, as a share of the optimum; next-action loss at the end of held-out histories.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),  # narrow, so that three settings fit in 80 columns
        pad_edge=False,
    )
    names = [
        "\n".join(map(printable, name.split("_"))) for axis in sweep.axes for name in axis.names
    ]
    figures = ("receptive\nfield", "last 5", "95%\ninterval", "share", "loss", "train\ns")
    for name in (*names, *figures):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for point in sweep.points:
        levels = zip(sweep.axes, point.levels, strict=True)
        settings = (value for axis, level in levels for value in axis.levels[level])
        cells = (*settings, *figures_of(point))
        table.add_row(*(Text(printable(cell)) for cell in cells))  # a value is no markup
    return table


def figures_of(point: PointRecord) -> tuple[str, ...]:
    """The figures of a point's row, as in the columns of `results_table`."""
    field = point.receptive_field_transitions
    low, high = point.last5_ci95
    return (
        "all" if field is None else f"{field:,}",
        f"{point.last5_mean:.2f}",
        f"{low:.1f} to {high:.1f}",
        f"{point.last5_mean / point.optimal:.0%}" if point.optimal else "-",
        f"{point.history_loss.loss[-1]:.3f}",
        f"{point.seconds['train']:.0f}",
    )
