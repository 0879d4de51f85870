"""PartRecord: `parts/NAME.json`, what a part came to, by which settings, code and machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from adfast.errors import RunError
from adfast.provenance import collect_provenance
from adfast.runs.comparison.comparison import training_of
from adfast.runs.comparison.data_seen import data_of_run
from adfast.runs.comparison.found_runs import read_found, tasks_of
from adfast.runs.comparison.record import DataSeen, TrainingCurve
from adfast.runs.files.result_files import Results
from adfast.runs.files.results import References
from adfast.runs.files.stage_records import seconds_of
from adfast.runs.reproduction.identity import counting_settings, settings_hash
from adfast.runs.reproduction.study_table import Part
from adfast.runs.run import Run
from adfast.runs.scaling.measures import ScalingMeasures

MOST_ROWS = 128  # of returns; with more tasks, each row is the mean of several
DIGITS = 4
MAX_BYTES = 200_000
WAY_OUT = "restore the file from a copy, or remove it and make the part again"
NUMBERS = re.compile(rb"\[\s+([-+.\deE,\s]+?)\s+\]")  # an array of nothing but numbers


class PartRecord(Results):
    """Returns `[rows][episodes]` are means over evaluation seeds, `tasks_per_row` tasks to a row.

    `seconds` are of the stages of `run`, which several parts may share, and of the evaluation.
    """

    name: str
    hash: str
    settings: Mapping[str, Any]  # all that count, by their dotted paths
    run: str
    method: str
    agent: str | None = None  # that acted; None: the run's model
    seed: int
    tasks: str
    task_ids: tuple[int, ...] = Field(min_length=1)
    tasks_per_row: int = Field(ge=1)
    returns: list[list[float]] = Field(min_length=1)
    train_mean: tuple[float, ...] | None = None  # on training tasks
    episode_length: int = Field(ge=1)
    evaluation_seeds: int = Field(ge=1)
    optimal: float | None = None
    references: References
    data: DataSeen | None = None
    training: TrainingCurve | None = None  # what was monitored, on validation tasks
    scaling: ScalingMeasures | None = None  # of a study of scaling
    seconds: Mapping[str, float]
    computed_on: Mapping[str, Mapping[str, Any]]  # each stage's device and threads
    provenance: Mapping[str, Any]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.hash != settings_hash(self.settings):
            raise ValueError("hash must be that of the settings: one of them was changed by hand")
        if len({len(row) for row in self.returns}) != 1:
            raise ValueError("returns must have as many episodes in each row")
        if len(self.returns) * self.tasks_per_row != len(self.task_ids):
            raise ValueError("returns must have a row for each tasks_per_row of task_ids")
        return self

    @property
    def array(self) -> np.ndarray:
        """float64 `[rows, episodes]`."""
        return np.array(self.returns, dtype=np.float64)

    def to_json(self) -> bytes:
        """The content of the file, each row of numbers on a line."""
        text = NUMBERS.sub(
            lambda found: b"[" + b" ".join(found[1].split()) + b"]", super().to_json()
        )
        if len(text) > MAX_BYTES:
            raise RunError(
                f"part {self.name}: its result must be at most {MAX_BYTES} bytes, got {len(text)}; "
                "evaluate fewer episodes"
            )
        return text


def record_part(part: Part, run: Run) -> PartRecord:
    """What a finished part came to."""
    files = run.directory.evaluation(part.evaluation_name)
    found = read_found(None, run.path, files.folder)
    results, stages = found.results, run.directory.stages()
    names = {"evaluate": files.stage}
    if found.is_of_model:
        names |= {stage: stage for stage in ("collect", "train") if stage in stages}
    rows, tasks_per_row = rows_of(results.evaluated.array.mean(axis=1))
    settings = counting_settings(part.recipe)
    optimal = results.evaluated.optimal
    took = seconds_of(stages)
    train = results.summary.train_mean_by_episode
    return PartRecord(
        name=part.name,
        hash=settings_hash(settings),
        settings=settings,
        run=part.run_name,
        method=part.row.method,
        agent=results.agent,
        seed=part.seed,
        tasks=tasks_of(found),
        task_ids=results.evaluated.task_ids,
        tasks_per_row=tasks_per_row,
        returns=rows.round(DIGITS).tolist(),
        train_mean=None if train is None else tuple(np.round(train, DIGITS).tolist()),
        episode_length=results.episode_length,
        evaluation_seeds=results.num_seeds,
        optimal=None if optimal is None else float(np.mean(optimal)),
        references=rounded(results.references),
        data=data_of_run(found) if found.is_of_model else None,
        training=training_of([found]) if found.is_of_model else None,
        seconds={name: took[stage] for name, stage in names.items()},
        computed_on={name: dict(stages[stage].model_extra or {}) for name, stage in names.items()},
        provenance=collect_provenance(),
    )


def rows_of(returns: np.ndarray) -> tuple[np.ndarray, int]:
    """At most `MOST_ROWS` rows of `returns` `[tasks, episodes]`, and how many tasks make one.

    It is the least number of tasks that leaves none over.
    """
    tasks = len(returns)
    size = next(n for n in range(-(-tasks // MOST_ROWS), tasks + 1) if tasks % n == 0)
    return returns.reshape(tasks // size, size, -1).mean(axis=1), size


def rounded(references: References) -> References:
    """The references to so many digits."""
    values = references.model_dump(mode="python", exclude_none=True)
    return References.model_validate({n: np.round(v, DIGITS).tolist() for n, v in values.items()})


def read_part(path: Path) -> PartRecord:
    """The record in a file; raises `RunError` where it is damaged or was changed."""
    return PartRecord.read(path, WAY_OUT)
