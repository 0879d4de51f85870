"""Run: a recipe carried out in a directory, stage by stage; what `adfast run` does, in Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from adfast.durable import replace_file
from adfast.errors import Interrupted, RunError
from adfast.notebooks import as_html
from adfast.packages import require
from adfast.printable import printable
from adfast.runs.export import export_run
from adfast.runs.files.evaluation_files import EVALUATE, settings_of
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_directory import CARD, RunDirectory
from adfast.runs.files.stage_records import forget_stages
from adfast.runs.hooks import QUIET, RunHooks
from adfast.runs.model_card import model_card
from adfast.runs.probing.probing import Asked, ask_and_write
from adfast.runs.probing.subjects import subject_of
from adfast.runs.recipe.from_recipe import last_update, make_family, make_plan, make_split
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import (
    Changes,
)
from adfast.runs.recipe.recorded_histories import (
    environment_split,
    make_environment_tasks,
    open_recorded,
)
from adfast.runs.run_place import plan_run
from adfast.runs.stages import collect_and_train
from adfast.runs.stages.evaluation_stage import evaluate, load_trained_model
from adfast.runs.stages.policy_training import load_trained_policy
from adfast.values import as_flag, as_path

if TYPE_CHECKING:
    from adfast.baselines.rl2.policy import Policy
    from adfast.collection.cluster.connection import Cluster
    from adfast.collection.plan import CollectionPlan
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.histories import HistoryStore
    from adfast.models.transformer import Transformer
    from adfast.probes.finding import Finding
    from adfast.source_algorithms.source_algorithm import SourceAlgorithm
    from adfast.tasks.family import TaskFamily
    from adfast.tasks.task_split import TaskSplit


class Run:
    """A run on disk. Its stages skip what is finished, and go on where they were stopped.

    Another process may work on the run between two stages, none while one is carried out
    (`InUse`). Where a method takes `fresh`, what it would find finished is deleted and done again.
    """

    def __init__(self, directory: RunDirectory, hooks: RunHooks) -> None:
        self.directory = directory
        self.hooks = hooks

    @classmethod
    def create(
        cls,
        recipe: str | Path | Recipe,
        path: str | Path | None = None,
        settings: Changes = (),
        *,
        method: str | None = None,
        fresh: bool = False,
        progress: bool = True,
    ) -> Run:
        """The run in `path` of a shipped recipe, a TOML file, a run directory or a `Recipe`.

        `path` is by default `runs/RECIPE`, of another method than AD `runs/RECIPE-METHOD`;
        `settings` change the recipe with its `method`, `{"training.updates": 500}`. A run of the
        same settings that is there already is gone on with; with `fresh` what is there is deleted.
        How far it is stands on stderr unless `progress` is false. Raises `RunError` where a run of
        other settings is there, and `InvalidArgument` for settings that no run could carry out;
        both leave everything as it was.
        """
        fresh, progress = as_flag("fresh", fresh), as_flag("progress", progress)
        place, resolved = plan_run(recipe, path, settings, method)
        directory = RunDirectory.create(place, resolved, fresh=fresh)
        return cls(directory, RunHooks() if progress else QUIET)

    @classmethod
    def open(cls, path: str | Path, *, progress: bool = True) -> Run:
        """The run in `path`; raises `RunError` where there is none."""
        progress = as_flag("progress", progress)
        directory = RunDirectory.open(as_path("path", path))
        return cls(directory, RunHooks() if progress else QUIET)

    def __repr__(self) -> str:
        try:
            done = f"{', '.join(self.directory.stages()) or 'nothing'} finished"
        except RunError:
            done = "damaged notes of what is finished"
        return f"<Run {printable(self.path)}: {done}>"

    def _repr_html_(self) -> str:
        return as_html("run", self)

    @property
    def path(self) -> Path:
        """Its directory."""
        return self.directory.path

    @property
    def recipe(self) -> Recipe:
        """All its settings."""
        return self.directory.recipe

    @cached_property
    def family(self) -> TaskFamily:
        """The tasks that it is about; raises `RunError` where they are Gymnasium environments."""
        return make_family(self.recipe)

    @cached_property
    def tasks(self) -> TaskFamily | EnvironmentTasks:
        """The tasks that it is about: its family, or Gymnasium environments."""
        if self.recipe.environment is None:
            return self.family
        return make_environment_tasks(self.recipe.environment, self.histories)

    @cached_property
    def split(self) -> TaskSplit:
        """Its training, validation and held-out tasks."""
        if self.recipe.environment is not None:
            return environment_split(self.recipe.environment)
        return make_split(self.recipe, self.family)

    @cached_property
    def plan(self) -> CollectionPlan:
        """Which histories it is trained on."""
        return make_plan(self.recipe, self.family)

    @cached_property
    def source(self) -> SourceAlgorithm:
        """The algorithm that its histories are of."""
        return self.plan.source()

    @property
    def histories(self) -> HistoryStore:
        """Its history store; raises `RunError` before it is collected, and of a live run."""
        from adfast import histories

        if self.recipe.histories is not None:
            return open_recorded(self.recipe.histories)
        if (reason := self.recipe.reason_not_to_collect) is not None:
            raise RunError(f"{self.path} has no history store: {reason}")
        self.directory.require("collect")
        return histories.open(self.directory.histories)

    @cached_property
    def model(self) -> Transformer:
        """The trained model; raises `RunError` before it is trained, and of a run of method rl2."""
        if self.recipe.is_rl2:
            raise RunError(f"{self.path} trains a policy by RL2, and no model; Run.policy has it")
        require("torch")
        self.directory.require("train")
        return load_trained_model(self.directory)

    @cached_property
    def policy(self) -> Policy:
        """The policy that RL2 trained; raises `RunError` before, and of a run of another method."""
        if not self.recipe.is_rl2:
            raise RunError(f"{self.path} trains a model, and no policy by RL2; Run.model has it")
        require("torch")
        self.directory.require("train")
        return load_trained_policy(self.directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the run for oneself over several stages; raises `InUse`."""
        with self.directory.locked():
            yield

    def collect(
        self,
        *,
        fresh: bool = False,
        hooks: RunHooks | None = None,
        cluster: Cluster | None = None,
    ) -> HistoryStore | None:
        """The histories of the training tasks, written to its store; None where there is none.

        They are computed here, or on a `cluster` (`adfast.collection.cluster.connection.connect`).
        A live run has no store, and one of method rl2 no histories. Recorded ones are as they are.
        """
        if self.recipe.histories is not None:
            return self.histories
        if self.recipe.reason_not_to_collect is not None:
            return None
        with self._stage("collect", fresh, hooks) as todo:
            if todo is not None:
                collect_and_train.collect(self, todo, cluster)
        return self.histories

    def train(self, *, fresh: bool = False, hooks: RunHooks | None = None) -> Transformer | Policy:
        """The model, trained on the histories, from its newest checkpoint on if there is one.

        Of method rl2 it is a policy, trained by acting.
        """
        with self._stage("train", fresh, hooks, needs="torch") as todo:
            if todo is not None:
                for trained in ("model", "policy"):
                    self.__dict__.pop(trained, None)
                collect_and_train.train(self, todo)
        return self.policy if self.recipe.is_rl2 else self.model

    def evaluate(
        self,
        name: str | None = None,
        settings: Changes = (),
        *,
        fresh: bool = False,
        hooks: RunHooks | None = None,
    ) -> EvaluationResults:
        """What the frozen model earns in context on tasks that it has never seen.

        With a `name` it is a further evaluation, in `evaluations/NAME`, in which `settings` of the
        section evaluation may differ from the run's: `{"evaluation.temperature": 0.5}`. Without
        settings it is the one that has that name, by its own. Raises `RunError` where one of other
        settings has it.
        """
        files = self.directory.evaluation(name)
        with self.locked():
            recipe = settings_of(files, self.recipe, settings, fresh=fresh)
            with self._stage(files.stage, fresh, hooks, needs="torch") as todo:
                if todo is not None:
                    if recipe.evaluation.is_of_own_model:
                        self.directory.require("train")
                    return evaluate(self, recipe.evaluation, files, todo)
            return files.read()

    def probe(self, probes: Asked = None) -> dict[str, Finding]:
        """What probes find in this run, by their names; written to `probes/NAME.json`.

        `probes` are names, or names with the options of each, by default all that adfast ships. The
        page draws what was found when it is written again. Raises `RunError` before the run is
        trained, `UnknownName` for a probe or an option that there is not, and `InvalidArgument`
        where the run lacks what a question needs.
        """
        require("torch", "scipy")
        with self.locked():
            findings = ask_and_write(
                self.path, probes, [subject_of(self)], progress=self.hooks is not QUIET
            )
            forget_stages(self.path, ["report"])
        return findings

    def export(
        self,
        path: str | Path,
        *,
        programs: bool = False,
        longest_history: int | None = None,
        licence: str | None = None,
    ) -> Path:
        """The folder `path`, made anew, with the trained model for whoever has no adfast.

        It holds the weights, the config and the definition of the model in plain PyTorch, and its
        card, on which `licence` (an identifier of Hugging Face's, such as "mit") stands; with
        `programs` also the forward pass and the step of `torch.export`, whose cache has room for
        `longest_history` transitions where a layer sees all of a history. Raises `RunError` before
        the run is trained, `InvalidArgument` where `path` is there already and for a model that is
        not exported.
        """
        return export_run(
            self, path, programs=programs, longest_history=longest_history, licence=licence
        )

    def carry_out(self) -> EvaluationResults:
        """Collect, train and evaluate: what of it is not finished."""
        require("torch")  # before hours of collecting
        with self.locked():
            self.collect()
            self.train()
            return self.evaluate()

    def require_all_metrics(self) -> None:
        """Raise `RunError` where lines are missing at the end of a finished training's metrics."""
        from adfast.training.metrics import read_metrics

        path, updates = self.directory.metrics, last_update(self.recipe)
        rows = read_metrics(path) if path.exists() else None
        if rows is not None and (not rows or rows[-1]["update"] != updates):
            last = rows[-1]["update"] if rows else "none"
            raise RunError(
                f"{path}: cut: its last line must be that of update {updates}, is {last}; restore "
                f"the file from a copy, or train again with: adfast train {self.path} --fresh"
            )

    @contextmanager
    def _stage(
        self, stage: str, fresh: bool, hooks: RunHooks | None, needs: str | None = None
    ) -> Iterator[RunHooks | None]:
        """The hooks to carry out a stage with, None where it is finished; the run is locked.

        Raises `MissingPackage` where the package that it `needs` is not installed.
        """
        hooks, fresh = hooks or self.hooks, as_flag("fresh", fresh)
        with self.locked():
            if needs is not None and (fresh or not self.directory.is_finished(stage)):
                require(needs)
            if fresh:
                self.directory.repeat_from(stage)
            if self.directory.is_finished(stage):
                if stage in ("train", EVALUATE) and not (self.path / CARD).exists():
                    self._write_card()  # whoever carried it out was stopped before that
                hooks.say(stage, f"finished before, in {self.path}")
                yield None
                return
            hooks.should_stop.stop_at_once()
            yield hooks
            hooks.should_stop.stop_at_once()
            if stage in ("train", EVALUATE):
                self._write_card()
            if hooks.should_stop():
                raise Interrupted(f"stopped after {stage}; all that is finished is kept")

    def _write_card(self) -> None:
        """Write the card of what was trained, unless nothing can be written there."""
        if os.access(self.path, os.W_OK):
            replace_file(self.path / CARD, [model_card(self).encode()])
