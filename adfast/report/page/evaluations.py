"""The section of the page that shows all evaluations of a run side by side."""

from __future__ import annotations

from collections.abc import Mapping

from adfast.probes.sections import Level, LineChart, Series, Table
from adfast.report.page.findings import chart_of, drawn
from adfast.report.page.plotly import Chart
from adfast.report.page.section import PageSection
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_record import RunRecord

OWN = "the run's own"
ELEMENT = "chart-evaluations"


def evaluations_section(run: RunRecord) -> tuple[list[PageSection], dict[str, Chart]]:
    """Every evaluation beside the run's own, and its chart; nothing where there is no other."""
    if not run.evaluations:
        return [], {}
    evaluations = {OWN: run.evaluation} | dict(run.evaluations)
    chart = returns_chart(evaluations)
    charts = {ELEMENT: found} if (found := chart_of(chart)) is not None else {}
    body = drawn(chart, ELEMENT) + drawn(returns_table(evaluations), "")
    caption = (
        "Played by other settings of the evaluation, by other agents or on other tasks, as the "
        "table says: compare what was played on the same ones. Bands and intervals are 95% over "
        "tasks, random and optimum those of the run's own."
    )
    return [PageSection("evaluations", "Evaluations side by side", body, caption)], charts


def returns_chart(evaluations: Mapping[str, EvaluationResults]) -> LineChart:
    """Mean return by episode, a line for each evaluation."""
    series = []
    for name, evaluation in evaluations.items():
        low, high = zip(*evaluation.summary.ci95_by_episode, strict=True)
        series.append(
            Series(
                name=name,
                x=tuple(range(1, evaluation.episodes + 1)),
                y=evaluation.summary.mean_by_episode,
                low=low,
                high=high,
            )
        )
    references = evaluations[OWN].references
    levels = tuple(
        Level(name=name, value=value)
        for name, value in (("random", references.random), ("optimum", references.optimal))
        if isinstance(value, float)
    )
    return LineChart(x_label="episode", y_label="return", series=tuple(series), levels=levels)


def returns_table(evaluations: Mapping[str, EvaluationResults]) -> Table:
    """A row for each evaluation: who acted, how, and what it came to."""
    rows = []
    for name, evaluation in evaluations.items():
        summary = evaluation.summary
        low, high = summary.last5_ci95
        share = summary.last5_share_of_optimal
        rows.append(
            (
                name,
                f"{len(evaluation.evaluated.task_ids)} {evaluation.tasks_kind}"
                + (f" of {evaluation.family}" if evaluation.trained_on is not None else ""),
                evaluation.agent or "model",
                evaluation.temperature,
                summary.mean_by_episode[0],
                summary.last5_mean,
                f"{low:.2f} to {high:.2f}",
                "unknown" if share is None else f"{share:.0%}",
            )
        )
    return Table(
        columns=(
            "evaluation", "tasks", "agent", "temperature", "first episode", "last five",
            "95% interval", "of the optimum",
        ),
        rows=tuple(rows),
    )  # fmt: skip
