"""The runs that a comparison is of, found in the folders that it is given, and read.

A word is a run, an evaluation of one (`RUN/evaluations/NAME`), or a folder of runs: those of
several seeds, of a study or of a sweep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument, RunError, shown
from adfast.evaluation.config import EvaluationConfig
from adfast.runs.files.evaluation_files import EVALUATIONS
from adfast.runs.files.recorded_arrays import read_trajectories
from adfast.runs.files.results import EvaluationResults, FamilyName
from adfast.runs.files.run_files import SETTINGS, read_settings
from adfast.runs.files.run_record import Metrics, read_training
from adfast.runs.recipe.feasible import agent_beside
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.run import Run
from adfast.runs.sweep.axes import without_settings
from adfast.values import as_path

# What may differ between the runs of one method.
SEEDS = ("seed", "collection.split_seed")
MACHINE = ("collection.threads", "training.threads", "rl2.threads", "rl2.continues", "tracking")

Compared = str | Path | Sequence[str | Path] | Mapping[str, str | Path | Sequence[str | Path]]


@dataclass(frozen=True)
class FoundRun:
    """A finished run as a comparison sees it; `steps` `[episodes]` are acted in each on average.

    `label` is the one that was given, and `folder` that of its seeds, or the run's own.
    """

    run: Run
    evaluation: str | None
    label: str | None
    folder: Path
    settings: EvaluationConfig
    results: EvaluationResults
    steps: np.ndarray | None
    metrics: tuple[Metrics, ...] | None

    @property
    def method(self) -> str:
        """What the run was made by; of another agent than its model, that one's name."""
        return self.results.agent or self.recipe.method

    @property
    def learns_by_acting(self) -> bool:
        """Whether its model was trained on what it did itself, and no histories."""
        return self.is_of_model and self.recipe.is_rl2

    @property
    def ends_early(self) -> bool:
        """Whether episodes were seen to end before their time."""
        return self.steps is not None and bool((self.steps < self.results.episode_length).any())

    @property
    def path(self) -> Path:
        """Where it was evaluated."""
        return self.run.directory.evaluation(self.evaluation).folder

    @property
    def recipe(self) -> Recipe:
        """The settings of the run."""
        return self.run.recipe

    @property
    def is_of_model(self) -> bool:
        """Whether the run's own model acted."""
        return self.results.agent is None

    @property
    def key(self) -> str:
        """What the runs of one method have in common: all settings that count but seeds.

        Of another agent than the model these are its own, with what it takes over of the run.
        """
        settings = self.recipe.model_dump(mode="json")
        evaluation = self.settings.model_dump(mode="json")
        counting = settings
        if not self.is_of_model:
            beside = self.recipe.model_copy(update={"evaluation": self.settings})
            agent = agent_beside(beside, None).model_dump(mode="json")
            counting = {"family": settings.get("family"), "agent": agent}
        return repr(without_settings(counting | {"evaluation": evaluation}, (*SEEDS, *MACHINE)))

    @property
    def seeds(self) -> tuple[Any, ...]:
        """What tells it from the other runs of its method."""
        collection = None if self.recipe.histories is not None else self.recipe.collection
        return self.recipe.seed, None if collection is None else collection.split_seed


def find_runs(compared: Compared) -> list[tuple[str | None, Path, Path]]:
    """Label if one was given, folder and run directory of all that is compared, in its order.

    Raises `InvalidArgument` for what is no run and holds none, and for a run that is named twice.
    """
    found = [
        (label, folder, run)
        for label, folder in labelled(compared)
        for run in runs_in(as_path("a run to compare", folder))
    ]
    if not found:
        raise InvalidArgument("give at least one run to compare, or a folder of runs, got none")
    seen: dict[Path, Path] = {}
    for _, _, run in found:
        if (earlier := seen.get(run.resolve())) is not None:
            again = "" if earlier == run else f", as {earlier} too"
            raise InvalidArgument(f"{run} is named twice{again}; leave one out")
        seen[run.resolve()] = run
    return found


def labelled(compared: Compared) -> Iterable[tuple[str | None, Path]]:
    """The folders of what is compared, each with its label if it has one."""
    if isinstance(compared, str | Path):
        yield None, Path(compared)
    elif isinstance(compared, Mapping):
        for label, folders in compared.items():
            if not isinstance(label, str) or not label.strip():
                raise InvalidArgument(f"a label must be a word or more, got {shown(label)}")
            yield from ((label, folder) for _, folder in labelled(folders))
    elif isinstance(compared, Sequence):
        for folder in compared:
            yield None, as_path("a run to compare", folder)
    else:
        raise InvalidArgument(
            "what is compared must be paths of runs, or a table of labels with their paths, got "
            f"{shown(compared)}"
        )


def with_labels(words: Iterable[str]) -> dict[str, list[Path]] | list[Path]:
    """What `LABEL=PATH` and paths spell; raises `InvalidArgument` where some have a label only.

    What is there as it is written is a path, whatever its name.
    """
    words = list(words)
    split = [("", "", word) if Path(word).exists() else word.partition("=") for word in words]
    with_label = [bool(separator) for _, separator, _ in split]
    if not any(with_label):
        return [Path(word) for word in words]
    if not all(with_label):
        raise InvalidArgument(
            f'give every run a label, or none, got "{words[with_label.index(False)]}" without one '
            f'beside "{words[with_label.index(True)]}"'
        )
    table: dict[str, list[Path]] = {}
    for label, _, path in split:
        table.setdefault(label, []).append(Path(path))
    return table


def runs_in(folder: Path) -> list[Path]:
    """A run or an evaluation itself, or the runs in a folder in their natural order."""
    is_evaluation = folder.parent.name == EVALUATIONS and (folder.parents[1] / SETTINGS).is_file()
    if (folder / SETTINGS).is_file() or is_evaluation:
        return [folder]
    inside = [file.parent for file in folder.glob(f"*/{SETTINGS}")] if folder.is_dir() else []
    if not inside:
        raise InvalidArgument(
            f"{folder} is no run, and no folder of runs (no {SETTINGS} in it); make one with: "
            "adfast run RECIPE --run FOLDER"
        )
    return sorted(inside, key=lambda path: natural(path.name))


def natural(name: str) -> list[tuple[int, str]]:
    """What orders `seed-2` before `seed-10`."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def read_found(label: str | None, folder: Path, path: Path) -> FoundRun:
    """A run with its evaluation; raises `RunError` where it is not finished."""
    is_run = (path / SETTINGS).is_file()
    run = Run.open(path if is_run else path.parents[1], progress=False)
    name = None if is_run else path.name
    files = run.directory.evaluation(name)
    if not run.directory.is_finished(files.stage):
        raise RunError(
            f"{path} is not finished: it has no evaluation to compare; go on with: adfast "
            f"{f'run {path}' if is_run else f'evaluate {run.path} --name {name}'}, or leave it out"
        )
    results = files.read()
    shape = (len(results.evaluated.task_ids), results.num_seeds, results.episodes)
    played = read_trajectories(files.trajectories, shape, results.episode_length)
    settings = run.recipe if is_run else read_settings(files.settings)
    steps = None if played is None else played.length.mean(axis=(0, 1))
    metrics = read_training(run.directory.metrics)
    return FoundRun(run, name, label, folder, settings.evaluation, results, steps, metrics)


def require_comparable(runs: Sequence[FoundRun]) -> None:
    """Raise `InvalidArgument` unless all runs are of one family and one kind of tasks."""
    first = runs[0]
    for run in runs[1:]:
        if (mine := tasks_of(run)) != (theirs := tasks_of(first)):
            raise InvalidArgument(
                f"runs of different families cannot be compared, got {theirs} in {first.path} and "
                f"{mine} in {run.path}; compare those of one family"
            )
        if run.results.tasks_kind != first.results.tasks_kind:
            raise InvalidArgument(
                f"{first.path} was evaluated on {first.results.tasks_kind} tasks and {run.path} on "
                f"{run.results.tasks_kind} ones; evaluate one of them again on the other's: "
                "adfast evaluate RUN --name NAME --set evaluation.tasks=..."
            )


def tasks_of(run: FoundRun) -> str:
    """The family that was evaluated with what its options say, or the environment, in words."""
    results = run.results
    if results.environment is not None:
        return results.environment.id
    from adfast.runs.files.run_record import tasks_of as family_of
    from adfast.tasks.family import TaskFamily

    family = family_of(results, run.path / "evaluation.json")
    assert isinstance(family, TaskFamily), "what is no environment is a family"
    options = family.model_dump(mode="json", exclude_defaults=True)
    return str(FamilyName(name=family.name, options=options))
