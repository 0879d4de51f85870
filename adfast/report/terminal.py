"""Tables for a terminal: what an evaluation found, and what the points of a sweep came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adfast.evaluation.statistics import share_of_optimum
from adfast.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from adfast.probes.finding import Finding
    from adfast.runs.files.results import EvaluationResults, TaskOutcome
    from adfast.runs.sweep.record import PointResults, SweepResults

MAX_TASKS = 5  # named in one line


def finding_line(finding: Finding) -> str:
    """What a probe found, in a line, or why it found nothing."""
    if finding.unanswered:
        return printable(f"{finding.probe}: not answered: {finding.unanswered}")
    numbers = []
    for number in finding.numbers:
        interval = "" if number.low is None else f" ({number.low:.4g} to {number.high:.4g})"
        unit = f" {number.unit}" if number.unit else ""
        numbers.append(f"{number.name} {number.value:.4g}{unit}{interval}")
    return printable(f"{finding.probe}: {'; '.join([finding.verdict or 'not judged', *numbers])}")


def summary_table(results: EvaluationResults, seconds: Mapping[str, float], run: Path) -> Table:
    """Returns next to their references, and where the rest is."""
    from rich.table import Table
    from rich.text import Text

    summary, references = results.summary, results.references
    tasks, episodes = len(results.evaluated.task_ids), results.episodes
    family = f" of {printable(str(results.family))}" if results.trained_on is not None else ""
    low, high = summary.last5_ci95
    share = summary.last5_share_of_optimal
    of_optimum = "" if share is None else f", {share:.0%} of optimum"
    page = run / "report.html"
    table = Table(
        title=f"{tasks} {results.tasks_kind} tasks{family} x {results.num_seeds} seeds, "
        "weights frozen",
        show_header=False,
        title_justify="left",
    )
    table.add_column("figure")
    table.add_column("value", overflow="fold")  # a path is to be copied, so it is not cut
    rows = {
        "return, episode 1": f"{summary.mean_by_episode[0]:.2f}",
        f"return, episodes {max(episodes - 4, 1)}-{episodes}": (
            f"{summary.last5_mean:.2f}  (95% interval {low:.2f} to {high:.2f}{of_optimum})"
        ),
        "random policy": last_of(references.random),
        **dead_ends_in_rows(results),
        **references_in_rows(results),
        "seconds": ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()),
        "report": str(page) if page.exists() else f"write it with: adfast report {run}",
    }
    for name, value in rows.items():
        table.add_row(Text(printable(name)), Text(printable(value)))  # a label is no markup
    return table


def dead_ends_in_rows(results: EvaluationResults) -> dict[str, str]:
    """How often an episode came to a dead end, of tasks that have some."""
    if (found := results.dead_ends) is None:
        return {}
    few = found.evaluated[-5:]
    row = f"{found.evaluated[0]:.0%} of the first, {sum(few) / len(few):.0%} of the last episodes"
    if found.source_every_kth is not None:
        row += f"; source, as thinned, {found.source_every_kth[-1]:.0%} of the last"
    return {"dead ends": row}


def references_in_rows(results: EvaluationResults) -> dict[str, str]:
    """What there is to compare returns with: of recorded histories the learners that made them."""
    references = results.references
    if results.environment is not None:
        recorded = references.recorded if isinstance(references.recorded, Sequence) else ()
        after = f"recorded learners after {len(recorded)} episodes"
        return {after: last_of(references.recorded)}
    return {
        f"source after {results.episodes} episodes": last_of(references.source),
        "optimum": last_of(references.optimal),
        "tasks not solved": unsolved_tasks(results.per_task),
    }


def last_of(reference: float | Sequence[float] | None) -> str:
    """A reference at the last episode."""
    if reference is None:
        return "unknown"
    return f"{reference[-1] if isinstance(reference, Sequence) else reference:.2f}"


def unsolved_tasks(outcomes: Sequence[TaskOutcome]) -> str:
    """The tasks that were not solved, the worst first, of many the worst ones."""
    unsolved = [outcome for outcome in outcomes if not outcome.solved]
    unsolved.sort(key=lambda outcome: outcome.rank)
    if not unsolved:
        return "none"
    listed = "; ".join(outcome.label for outcome in unsolved[:MAX_TASKS])
    worst = ", the worst" if len(unsolved) > MAX_TASKS else ""
    return f"{len(unsolved)} of {len(outcomes)}{worst}: {listed}"


def sweep_table(sweep: SweepResults) -> Table:
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
        caption="Receptive field in transitions; mean return of the last five episodes on "
        f"{sweep.tasks} tasks, as a share of the optimum; next-action loss at the end of their "
        "histories.",
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


def figures_of(point: PointResults) -> tuple[str, ...]:
    """The figures of a point's row, as in the columns of `sweep_table`."""
    field = point.receptive_field_transitions
    low, high = point.last5_ci95
    return (
        "all" if field is None else f"{field:,}",
        f"{point.last5_mean:.2f}",
        f"{low:.1f} to {high:.1f}",
        f"{share_of_optimum(point.last5_mean, point.optimal):.0%}",
        f"{point.history_loss.loss[-1]:.3f}",
        f"{point.seconds['train']:.0f}",
    )
