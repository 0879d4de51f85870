"""What the parts of a study come to: the rows of its panels, each pooled over its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adfast.errors import RunError
from adfast.evaluation.statistics import (
    mean_over_seeds,
    seeds_and_tasks_interval,
    share_of_optimum,
)
from adfast.evaluation.summary import LAST_EPISODES
from adfast.provenance import collect_provenance
from adfast.runs.comparison.record import (
    ComparedReferences,
    ComparisonResults,
    ContextCurve,
    MethodResults,
)
from adfast.runs.comparison.references import FEW_SEEDS, curve_of, mean_of
from adfast.runs.reproduction.finding_record import FindingRecord
from adfast.runs.reproduction.matrix import FilledMatrix, Matrix, fill
from adfast.runs.reproduction.monitored import pooled_training
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_table import Panel, Row, StudyTable

States = Mapping[str, PartState]


@dataclass(frozen=True)
class PooledRow:
    """A row of a study: its parts that are done, pooled, and how the others stand."""

    row: Row
    records: tuple[PartRecord, ...]
    missing: tuple[PartState, ...]
    pooled: MethodResults | None  # None: no part is done
    value: float | None = None  # the panel's measure, with its 95% interval
    interval: tuple[float, float] | None = None

    @property
    def lacks(self) -> str:
        """Which parts are missing, in words; empty where none is."""
        standings: dict[str, list[str]] = {}
        for state in self.missing:
            standings.setdefault(state.standing, []).append(str(state.part.seed))
        if not self.records and len(standings) == 1:
            return next(iter(standings))
        return "; ".join(
            f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)} {standing}"
            for standing, seeds in standings.items()
        )


@dataclass(frozen=True)
class PooledPanel:
    """A panel and its rows; `comparison` is of those of which a part is done, None: of none is.

    `matrix` is what a panel that is one is filled with.
    """

    panel: Panel
    rows: tuple[PooledRow, ...]
    comparison: ComparisonResults | None
    matrix: FilledMatrix | None = None


def pool(table: StudyTable, states: States) -> tuple[PooledPanel, ...]:
    """All panels of a study."""
    return tuple(pooled_panel(panel, states) for panel in table.panels)


def pooled_panel(panel: Panel, states: States) -> PooledPanel:
    """A panel: its rows over as many episodes as the shortest of their evaluations has."""
    known = [
        states[part.name].record
        for row in panel.rows
        for part in row.parts
        if is_done(states[part.name])
    ]
    records = [record for record in known if record is not None]
    episodes = min((len(record.returns[0]) for record in records), default=0)
    rows = tuple(pooled_row(panel, row, states, episodes) for row in panel.rows)
    if isinstance(panel, Matrix):
        return PooledPanel(panel, rows, None, fill(panel, states))
    methods = [row.pooled for row in rows if row.pooled is not None]
    if not methods or panel.axis is not None:
        return PooledPanel(panel, rows, None)
    comparison = ComparisonResults(
        tasks=records[0].tasks,
        tasks_kind="held-out",
        episodes=episodes,
        methods=tuple(methods),
        references=references_of([row for row in rows if row.records], episodes),
        notes=tuple(notes_of(rows)),
        provenance=collect_provenance(),
    )
    return PooledPanel(panel, rows, comparison)


def is_done(state: PartState) -> bool:
    """Whether a part may be counted."""
    return state.standing == "done"


def pooled_row(panel: Panel, row: Row, states: States, episodes: int) -> PooledRow:
    """A row, by those of its parts that are done."""
    of_row = [states[part.name] for part in row.parts]
    records = tuple(state.record for state in of_row if is_done(state) and state.record is not None)
    missing = tuple(state for state in of_row if not is_done(state))
    if not records:
        return PooledRow(row, records, missing, None)
    pooled = pooled_records(row.label, records, episodes)
    if panel.measure == "last five":
        return PooledRow(row, records, missing, pooled, pooled.last5_mean, pooled.last5_ci95)
    shares = [share_of_source(record) for record in records]
    interval = tuple(seeds_and_tasks_interval(shares).tolist())
    return PooledRow(row, records, missing, pooled, float(mean_over_seeds(shares)), interval)


def share_of_source(record: PartRecord) -> np.ndarray:
    """Row by row what all episodes bring above random, as a share of what the source brings."""
    source, random = record.references.source, record.references.random
    if not isinstance(source, tuple) or not isinstance(random, float):
        raise RunError(f"part {record.name} has no source and random policy to be measured by")
    episodes = min(len(source), len(record.returns[0]))
    gained = record.array[:, :episodes].mean(axis=1) - random
    return np.asarray(gained / (np.mean(source[:episodes]) - random))


def pooled_records(label: str, records: Sequence[PartRecord], episodes: int) -> MethodResults:
    """Parts that differ in their seeds alone, over the first `episodes`."""
    returns = [record.array[:, :episodes] for record in records]
    last = [of_seed[:, -LAST_EPISODES:].mean(axis=1) for of_seed in returns]
    last5_mean = float(mean_over_seeds(last))
    low, high = seeds_and_tasks_interval(returns)
    optimal = [record.optimal for record in records if record.optimal is not None]
    steps = records[0].episode_length * np.arange(1.0, episodes + 1)
    seconds: dict[str, float] = {}
    for record in records:
        for stage, took in record.seconds.items():
            seconds[stage] = round(seconds.get(stage, 0.0) + took, 3)
    return MethodResults(
        label=label,
        method=records[0].method,
        agent=records[0].agent,
        runs=tuple(record.name for record in records),
        seeds=tuple(record.seed for record in records),
        num_tasks=len(records[0].task_ids),
        evaluation_seeds=records[0].evaluation_seeds,
        data=max(
            (record.data for record in records if record.data is not None),
            key=lambda data: data.transitions or 0,
            default=None,
        ),
        in_context=ContextCurve(
            mean=mean_over_seeds(returns).tolist(),
            low=low.tolist(),
            high=high.tolist(),
            environment_steps=steps.tolist(),
        ),
        training=pooled_training(records),
        last5_mean=last5_mean,
        last5_ci95=tuple(seeds_and_tasks_interval(last).tolist()),
        share_of_optimal=share_of_optimum(last5_mean, float(np.mean(optimal))) if optimal else None,
        seconds=seconds,
    )


def references_of(rows: Sequence[PooledRow], episodes: int) -> ComparedReferences:
    """Random and optimum over all parts, and the source of the first row that learned from one."""
    everyone = [record for row in rows for record in row.records]
    values = {
        "random": mean_of([record.references.random for record in everyone]),
        "optimal": mean_of([record.references.optimal for record in everyone]),
        "episode_length": everyone[0].episode_length,
    }
    learned = [row for row in rows if row.records[0].references.source is not None]
    of_model = [row for row in learned if row.records[0].agent is None] or learned
    if not of_model:
        return ComparedReferences(**values)
    records = of_model[0].records
    settings = records[0].settings
    return ComparedReferences(
        **values,
        source=curve_of([record.references.source for record in records], episodes),
        source_kept=curve_of([record.references.source_every_kth for record in records], episodes),
        source_name=settings.get("collection.algorithm"),
        source_of=of_model[0].row.label,
        keep_every=settings.get("collection.keep_every", 1),
    )


def notes_of(rows: Sequence[PooledRow]) -> Iterator[str]:
    """What a reader must know of a panel, in sentences."""
    few = [row.row.label for row in rows if 1 < len(row.records) < FEW_SEEDS]
    single = [row.row.label for row in rows if len(row.records) == 1]
    if single:
        yield f"A single training seed, so intervals are over tasks alone: {', '.join(single)}."
    if few:
        yield f"Fewer than {FEW_SEEDS} training seeds: {', '.join(few)}."
    missing = [f"{row.row.label} ({row.lacks})" for row in rows if row.missing]
    if missing:
        yield f"Missing: {', '.join(missing)}."


def total_seconds(records: Sequence[PartRecord | FindingRecord]) -> float:
    """How long parts took; what several share counts once."""
    stages: dict[tuple[str, str], float] = {}
    for record in records:
        for stage, seconds in record.seconds.items():
            key = record.hash if stage == "evaluate" else record.run
            stages[key, stage] = seconds
    return sum(stages.values())
