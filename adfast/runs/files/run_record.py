"""RunRecord: the files of a run directory, read and checked once for the report.

Only `evaluation.json` must be there. Any other file may be missing, and is then None here, so that
the page can say so; a file that is there but damaged is an error that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adfast.baselines.rl2.metrics import TrialMetrics, is_of_trials
from adfast.config import read_toml
from adfast.errors import AdfastError, RunError, UnknownName
from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
from adfast.evaluation.recorder import Trajectories
from adfast.probes.attended.record import AttentionRecord
from adfast.runs.files.evaluation_files import EvaluationFiles, evaluation_of_stage
from adfast.runs.files.recorded_arrays import read_attention, read_trajectories
from adfast.runs.files.result_files import validated
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_files import require_run
from adfast.runs.files.stage_records import Provenance, read_provenance, seconds_of
from adfast.tasks.task_set import TaskSet
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.metrics import TrainingMetrics, read_metrics

Metrics = TrainingMetrics | TrialMetrics


@dataclass(frozen=True)
class RunRecord:
    """All that a run directory says; what it does not hold is None."""

    name: str
    tasks: TaskSet
    evaluation: EvaluationResults
    evaluations: Mapping[str, EvaluationResults]  # further ones, by name
    metrics: tuple[TrainingMetrics, ...] | None
    trials: tuple[TrialMetrics, ...] | None  # of a training by RL2, in place of these
    trajectories: Trajectories | None
    attention: AttentionRecord | None
    configuration: Mapping[str, Any] | None
    provenance: Mapping[str, Any] | None
    seconds: Mapping[str, float]  # of each stage


def read_run(run_directory: Path) -> RunRecord:
    """The record of a run; raises `RunError` with the file, the rule and the way out."""
    path = run_directory / "evaluation.json"
    if not path.is_file():
        require_run(run_directory)
        raise RunError(
            f"{run_directory} has no evaluation.json, which the report is drawn from; "
            f"run `adfast evaluate {run_directory}` first"
        )
    evaluation = EvaluationResults.read(path, "evaluate the run again")
    trajectories = read_trajectories(
        run_directory / "trajectories.safetensors",
        (len(evaluation.evaluated.task_ids), evaluation.num_seeds, evaluation.episodes),
        evaluation.episode_length,
    )
    attention = None
    if trajectories is not None:
        attention = read_attention(run_directory / "attention.safetensors", trajectories)
    metrics = read_training(run_directory / "metrics.jsonl") or ()
    trials = tuple(row for row in metrics if isinstance(row, TrialMetrics))
    configuration = run_directory / "run.toml"
    provenance = read_provenance(run_directory)
    return RunRecord(
        name=run_directory.resolve().name,
        tasks=tasks_of(evaluation, path),
        evaluation=evaluation,
        evaluations=_read_evaluations(run_directory, provenance),
        metrics=tuple(row for row in metrics if isinstance(row, TrainingMetrics)) or None,
        trials=trials or None,
        trajectories=trajectories,
        attention=attention,
        configuration=_read_configuration(configuration) if configuration.is_file() else None,
        provenance=None if provenance is None else described(provenance),
        seconds={} if provenance is None else seconds_of(provenance.stages),
    )


def _read_evaluations(
    run_directory: Path, provenance: Provenance | None
) -> dict[str, EvaluationResults]:
    """The further evaluations that are finished, in the order in which they were."""
    names = [
        evaluation_of_stage(stage) for stage in ([] if provenance is None else provenance.stages)
    ]
    files = [EvaluationFiles.of_run(run_directory, name) for name in names if name is not None]
    return {str(file.name): file.read() for file in files if file.results.is_file()}


def tasks_of(evaluation: EvaluationResults, path: Path) -> TaskSet:
    """The tasks of the evaluation in `path`; raises `RunError` where they are not found."""
    from adfast import tasks

    family, environment = evaluation.family, evaluation.environment
    try:
        if environment is not None:
            schema = TransitionSchema.from_dict(environment.transition_schema)
            return EnvironmentTasks(environment.id, environment.arguments, schema)
        assert family is not None, "as the results have checked"
        return tasks.make(family.name, **family.options)
    except UnknownName as error:
        raise RunError(f"{path}: family: {error}; install the package that registers it") from None
    except (AdfastError, TypeError) as error:
        what = "environment" if family is None else "family"
        raise RunError(f"{path}: {what}: {error}; use the version that wrote the run") from None


def described(provenance: Provenance) -> dict[str, Any]:
    """What the page says of it: code and machine, then the stages."""
    stages = {name: record.model_dump() for name, record in provenance.stages.items()}
    return dict(provenance.model_extra or {}) | ({"stages": stages} if stages else {})


def _read_configuration(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except AdfastError as error:
        raise RunError(f"{error}; mend the line, or remove the file to leave it out") from None
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: {error}; remove the file to leave it out") from None


def read_training(path: Path) -> tuple[Metrics, ...] | None:
    """The lines of a metrics file; a last one without its end was cut short and is left out."""
    if not path.is_file():
        return None
    metrics: list[Metrics] = []
    for number, values in enumerate(read_metrics(path), start=1):
        place, way_out = f"{path}, line {number}", "remove that line or train again"
        kind: type[Metrics] = TrialMetrics if is_of_trials(values) else TrainingMetrics
        row = validated(kind, values, place, way_out)
        if metrics and row.update <= metrics[-1].update:
            raise RunError(
                f"{place}: update must be above the {metrics[-1].update} of the line before, "
                f"got {row.update}; {way_out}"
            )
        metrics.append(row)
    return tuple(metrics) or None
