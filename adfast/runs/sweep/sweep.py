"""Sweep: the runs of a sweep, one after the other, each a run directory like any other.

sweep.toml    the resolved settings and what varies     sweep.json   what every point came to
histories/    the histories, once for all runs that     sweep.png    the figure
              collect by equal settings                 sweep.html   the page
NAME/         a run for each combination and seed

A run's own `histories` is a link into the shared folder. Combinations that differ in settings of
the section evaluation alone are evaluations of one run (`NAME/evaluations/NAME`). What is finished
is never repeated, so a sweep that was interrupted, or that gets further levels, only adds to what
is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adfast.durable import replace_files
from adfast.errors import InvalidArgument, RunError
from adfast.evaluation.config import VALIDATION
from adfast.runs.files.results import HistoryLossResults, LossByPosition
from adfast.runs.files.run_directory import RunDirectory
from adfast.runs.files.run_files import LAST_LINE, require_whole
from adfast.runs.files.run_folder import delete_contents, holds_nothing, lock_run
from adfast.runs.hooks import QUIET, RunHooks
from adfast.runs.recipe.recipe_changes import Changes, differences_of, find_recipe
from adfast.runs.run import Run
from adfast.runs.stages.training_histories import describe_collection
from adfast.runs.sweep.plan import PlannedRun, SweepPlan, load_sweep
from adfast.runs.sweep.record import SweepResults
from adfast.runs.sweep.results import collect_results, write_results
from adfast.values import as_path

SETTINGS = "sweep.toml"
HISTORIES = "histories"


class Sweep:
    """A sweep on disk; `carry_out` does what of it is not finished."""

    def __init__(self, path: Path, plan: SweepPlan, hooks: RunHooks) -> None:
        self.path = path
        self.plan = plan
        self.hooks = hooks

    @classmethod
    @contextlib.contextmanager
    def prepared(
        cls,
        recipe: str | Path,
        path: str | Path | None = None,
        settings: Changes = (),
        *,
        vary: Sequence[Mapping[str, Any]] = (),
        seeds: int | None = None,
        fresh: bool = False,
        progress: bool = True,
    ) -> Iterator[Sweep]:
        """The sweep of a recipe, or of a sweep's directory to go on with.

        `vary` are its axes, `{"model.width": [16, 32]}` each, settings of one axis changing
        together; by default the recipe says them, in its table `[sweep]`. The directory is this
        process's own until the end. What varies may change from call to call, what does not may
        not: raises `RunError` where the directory holds a sweep of other settings, or something
        that is no sweep, and `InUse` while another process works on it.
        """
        place, source = find_sweep(recipe, path)
        plan = load_sweep(source, settings, vary, seeds)
        plan.check()
        file = place / SETTINGS
        if not file.is_file() and place.exists() and not (place.is_dir() and holds_nothing(place)):
            raise RunError(
                f"{place} is no empty directory and holds no sweep; give another one with --out"
            )
        place.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as lock:
            lock_run(place, lock)
            if file.is_file() and not fresh:
                refuse_other_settings(file, plan)
            replace_files(
                {file: [f"{plan.to_toml()}\n{LAST_LINE}\n".encode()]},
                before=lambda: delete_contents(place, but=SETTINGS) if fresh else None,
            )
            yield cls(place, plan, RunHooks() if progress else QUIET)

    def carry_out(self, hooks: RunHooks | None = None) -> SweepResults:
        """What every point came to; `sweep.json` tells of all that is finished after each."""
        hooks = hooks or self.hooks
        number, total = 0, len(self.plan.runs)
        for point in self.plan.points:
            for planned in point.runs:
                number += 1
                run = Run(RunDirectory.create(self.path / planned.name, planned.recipe), hooks)
                with run.locked():
                    is_finished = is_whole(run, planned)
                    state = ": finished before" if is_finished else ""
                    hooks.say("sweep", f"[{number}/{total}] {planned.title}{state}")
                    if not is_finished:
                        carry_out(run, planned, self.path / HISTORIES)
            write_results(self.path, self.plan)
        return collect_results(self.path, self.plan)


def find_sweep(recipe: str | Path, path: str | Path | None) -> tuple[Path, Path]:
    """The directory of a sweep, and the file that says what it is of."""
    recipe = str(recipe)
    if (Path(recipe) / SETTINGS).is_file():
        if path is not None:
            raise InvalidArgument(f"{recipe} is a sweep's directory already; leave out --out")
        place, source = Path(recipe), Path(recipe) / SETTINGS
    else:
        source = find_recipe(recipe)
        place = as_path("path", path or Path("runs") / f"{source.stem.replace('_', '-')}-sweep")
    if source.name == SETTINGS and source.parent == place:
        require_whole(source)
    return place, source


def refuse_other_settings(file: Path, plan: SweepPlan) -> None:
    """Raise `RunError` unless the sweep in a `sweep.toml` has the settings that do not vary."""
    differences = differences_of(load_sweep(file, (), (), None).base, plan.base)
    if differences:
        raise RunError(
            f"{file.parent} already holds a sweep with different settings "
            f"({'; '.join(differences)}); give another directory with --out, or --fresh to delete "
            "it and start over"
        )


def is_whole(run: Run, planned: PlannedRun) -> bool:
    """Whether nothing of a sweep's run is left to do."""
    stage = run.directory.evaluation(planned.evaluation).stage
    return run.directory.is_finished(stage) and run.directory.is_finished("history_loss")


def carry_out(run: Run, planned: PlannedRun, shared: Path) -> None:
    """Collect into `shared` unless its histories are there, train, evaluate, measure the loss.

    A page for every run is made when it is asked for.
    """
    link_histories(run, shared)
    run.collect()
    run.train()
    run.evaluate(planned.evaluation, planned.settings)
    if not run.directory.is_finished("history_loss"):
        measure_history_loss(run)


def link_histories(run: Run, shared: Path) -> None:
    """Make the run's `histories`, if it has any, a link to what runs of its collection share."""
    histories = run.directory.histories
    if run.recipe.reason_not_to_collect is not None or histories.exists():
        return
    folder = shared / collection_key(run)
    folder.mkdir(parents=True, exist_ok=True)
    histories.unlink(missing_ok=True)  # a link whose target was deleted
    histories.symlink_to(Path("..") / folder.relative_to(run.path.parent))


def collection_key(run: Run) -> str:
    """A name for all that the histories of a run are a function of."""
    collected = json.dumps(describe_collection(run), sort_keys=True)
    return hashlib.sha256(collected.encode()).hexdigest()[:12]


def measure_history_loss(run: Run) -> None:
    """Write the loss by position in histories to the run's `history_loss.json`.

    They are of held-out tasks, but of validation ones where points are chosen by these.
    """
    import torch

    from adfast.probes.losses.history_loss import history_loss
    from adfast.runs.probing.subjects import subject_of
    from adfast.tasks.task_split import TaskSplit

    started = time.perf_counter()
    torch.set_num_threads(1)  # a step is too short to be split, least beside other processes
    subject, split = subject_of(run), run.split
    if run.recipe.evaluation.tasks == VALIDATION:
        unseen = TaskSplit(split.train, validation=split.held_out, held_out=split.validation)
        subject = replace(subject, split=unseen)
    measured = history_loss(subject)
    losses = LossByPosition(edges=measured.edges.tolist(), loss=measured.loss.tolist())
    content = HistoryLossResults(by_position=losses).to_json()
    run.directory.write_results("history_loss", {run.directory.history_loss: [content]})
    run.directory.record_stage("history_loss", time.perf_counter() - started)
