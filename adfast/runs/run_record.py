"""RunRecord: the files of a run directory, read and checked once for the report.

Only `evaluation.json` must be there. Any other file may be missing, and is then None here, so that
the page can say so; a file that is there but damaged is an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adfast.config import read_toml
from adfast.errors import AdfastError, RunError, UnknownName
from adfast.evaluation.recorder import Trajectories
from adfast.probes.attended.record import AttentionRecord
from adfast.problems import describe_problems
from adfast.runs.recorded_arrays import read_attention, read_trajectories
from adfast.tasks.family import TaskFamily


class Section(BaseModel):
    """A part of a run's JSON: finite numbers only; keys that the report does not use may follow."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class FamilyName(Section):
    """Which family was evaluated, with its options."""

    model_config = ConfigDict(extra="forbid")

    name: str
    options: dict[str, Any] = {}


class TaskReturns(Section):
    """Returns `[tasks][seeds][episodes]` of some tasks, and each task's optimum."""

    task_ids: tuple[int, ...] = Field(min_length=1)
    returns: list[list[list[float]]]
    optimal: tuple[float, ...]

    @model_validator(mode="after")
    def _shapes_agree(self) -> Self:
        tasks = len(self.task_ids)
        if not tasks == len(self.returns) == len(self.optimal):
            raise ValueError(
                f"task_ids, returns and optimal must have one entry per task, "
                f"got {tasks}, {len(self.returns)} and {len(self.optimal)}"
            )
        lengths = {len(seed) for task in self.returns for seed in task}
        if len({len(task) for task in self.returns}) != 1 or len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                "returns must be [tasks][seeds][episodes] with equal, non-zero lengths"
            )
        return self

    @property
    def array(self) -> np.ndarray:
        """float64 `[tasks, seeds, episodes]`."""
        return np.array(self.returns, dtype=np.float64)


class References(Section):
    """What the model is measured against, each one number or one per episode; None is unknown."""

    random: float | tuple[float, ...] | None = None
    optimal: float | tuple[float, ...] | None = None
    source: float | tuple[float, ...] | None = None
    source_every_kth: float | tuple[float, ...] | None = None
    ideal_learner: float | tuple[float, ...] | None = None


class Summary(Section):
    """The statistics over held-out tasks that the evaluation computed."""

    held_out_mean_by_episode: tuple[float, ...] = Field(min_length=1)
    held_out_ci95_by_episode: tuple[tuple[float, float], ...]
    held_out_iqm_by_episode: tuple[float, ...] | None = None
    held_out_last5_mean: float
    held_out_last5_ci95: tuple[float, float]
    held_out_last5_share_of_optimal: float


class TaskOutcome(Section):
    """One held-out task's row of the table."""

    task_id: int
    label: str
    optimal: float
    first_episode: float
    last5_mean: float
    share_of_optimal: float
    solved: bool


class Evaluation(Section):
    """`evaluation.json`."""

    family: FamilyName
    temperature: float
    episodes: int = Field(ge=1)
    episode_length: int = Field(ge=1)
    held_out: TaskReturns
    train: TaskReturns | None = None
    references: References = References()
    receptive_field_transitions: int | None = None
    trained_context_transitions: int | None = None
    summary: Summary
    per_task: tuple[TaskOutcome, ...]
    solved_share: float | None = None
    seconds: dict[str, float] = {}

    @model_validator(mode="after")
    def _episodes_agree(self) -> Self:
        lengths = {
            "held_out.returns": self.held_out.array.shape[2],
            "summary.held_out_mean_by_episode": len(self.summary.held_out_mean_by_episode),
            "summary.held_out_ci95_by_episode": len(self.summary.held_out_ci95_by_episode),
        }
        for field, length in lengths.items():
            if length != self.episodes:
                raise ValueError(f"{field} must cover {self.episodes} episodes, got {length}")
        if [row.task_id for row in self.per_task] != list(self.held_out.task_ids):
            raise ValueError("per_task must list the tasks of held_out.task_ids in their order")
        return self

    @property
    def num_seeds(self) -> int:
        """Evaluation seeds per held-out task."""
        return len(self.held_out.returns[0])


class TrainingMetrics(Section):
    """One line of `metrics.jsonl`; numbers that are not finite tell of a run that diverged."""

    model_config = ConfigDict(allow_inf_nan=True)

    update: int
    tokens: int
    environment_transitions: int
    seconds: float
    loss: float
    accuracy: float
    learning_rate: float
    held_out_return: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """All that a run directory says; what it does not hold is None."""

    name: str
    family: TaskFamily
    evaluation: Evaluation
    metrics: tuple[TrainingMetrics, ...] | None
    trajectories: Trajectories | None
    attention: AttentionRecord | None
    configuration: Mapping[str, Any] | None
    provenance: Mapping[str, Any] | None


def read_run(run_directory: Path) -> RunRecord:
    """The record of a run; raises `RunError` with the file, the rule and the way out."""
    from adfast import tasks

    path = run_directory / "evaluation.json"
    if not path.is_file():
        raise RunError(
            f"{run_directory} has no evaluation.json, which the report is drawn from; "
            f"run `adfast evaluate {run_directory}` first"
        )
    evaluation = validated(Evaluation, read_json(path), path, "evaluate the run again")
    try:
        family = tasks.make(evaluation.family.name, **evaluation.family.options)
    except UnknownName as error:
        raise RunError(f"{path}: family: {error}; install the package that registers it") from None
    except (AdfastError, TypeError) as error:
        raise RunError(f"{path}: family: {error}; use the version that wrote the run") from None
    trajectories = read_trajectories(
        run_directory / "trajectories.safetensors",
        (len(evaluation.held_out.task_ids), evaluation.num_seeds, evaluation.episodes),
        evaluation.episode_length,
    )
    attention = None
    if trajectories is not None:
        attention = read_attention(run_directory / "attention.safetensors", trajectories)
    configuration = run_directory / "run.toml"
    provenance = run_directory / "provenance.json"
    return RunRecord(
        name=run_directory.resolve().name,
        family=family,
        evaluation=evaluation,
        metrics=_read_metrics(run_directory / "metrics.jsonl"),
        trajectories=trajectories,
        attention=attention,
        configuration=_read_configuration(configuration) if configuration.is_file() else None,
        provenance=read_json(provenance) if provenance.is_file() else None,
    )


def _read_configuration(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except AdfastError as error:
        raise RunError(f"{error}; mend the line, or remove the file to leave it out") from None
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: {error}; remove the file to leave it out") from None


def _read_metrics(path: Path) -> tuple[TrainingMetrics, ...] | None:
    """The lines of a metrics file; a last one without its end was cut short and is left out."""
    if not path.is_file():
        return None
    metrics: list[TrainingMetrics] = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        place, way_out = f"{path}, line {number}", "remove that line or train again"
        row = validated(TrainingMetrics, _parse_json(line, place, way_out), place, way_out)
        if metrics and row.update <= metrics[-1].update:
            raise RunError(
                f"{place}: update must be above the {metrics[-1].update} of the line before, "
                f"got {row.update}; {way_out}"
            )
        metrics.append(row)
    return tuple(metrics) or None


def read_json(path: Path) -> Any:
    """The JSON object in a file; raises `RunError`."""
    return _parse_json(path.read_bytes(), str(path), "write it again with the stage that made it")


def _parse_json(text: bytes, place: str, way_out: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise RunError(f"{place}: not valid JSON ({error}); {way_out}") from None
    if not isinstance(value, dict):
        raise RunError(f"{place}: must be a JSON object, got {type(value).__name__}; {way_out}")
    return value


SectionType = TypeVar("SectionType", bound=Section)


def validated(section: type[SectionType], value: Any, place: object, way_out: str) -> SectionType:
    """`value` as a `section`; raises `RunError` with the place, the problems and `way_out`."""
    try:
        return section.model_validate(value)
    except ValidationError as error:
        raise RunError(f"{place}: {describe_problems(error)}; {way_out}") from None
