"""The runs of a sweep, one after the other, each a run directory like any other.

sweep.toml    the resolved settings and what varies     sweep.json   what every point came to
histories/    the histories, once for all runs that     sweep.png    the figure
              collect by equal settings                 sweep.html   the page
NAME/         a run for each combination and seed

A run's own `histories` is a link into the shared folder. What is finished is never repeated, so a
sweep that was interrupted, or that gets further levels, only adds to what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adfast.cli.interruption import stoppable
from adfast.cli.stages import run_stages
from adfast.config import list_differences
from adfast.durable import replace_files
from adfast.errors import InvalidArgument, RunError
from adfast.runs.recipe import Recipe, find_recipe, make_family, make_split
from adfast.runs.run_directory import (
    STAGES,
    RunDirectory,
)
from adfast.runs.run_files import LAST_LINE, require_whole, write_json
from adfast.runs.run_folder import delete_contents, holds_nothing, lock_run
from adfast.runs.sweep.plan import SweepPlan, load_sweep
from adfast.runs.sweep.results import write_results

SETTINGS = "sweep.toml"
HISTORIES = "histories"
STAGES_OF_A_POINT = STAGES[: STAGES.index("report")]  # a page for every run is made when asked for


@contextlib.contextmanager
def prepare_sweep(
    recipe: str,
    path: Path | None,
    overrides: list[str],
    vary: list[str],
    seeds: int | None,
    *,
    fresh: bool,
) -> Iterator[tuple[Path, SweepPlan]]:
    """The directory and the plan of a recipe's sweep, or of a sweep's directory to go on with.

    The directory is this process's own until the end. What varies may change from call to call,
    what does not may not: raises `RunError` where the directory holds a sweep of other settings, or
    something that is no sweep, and `InUse` while another process works on it.
    """
    if (Path(recipe) / SETTINGS).is_file():
        if path is not None:
            raise InvalidArgument(f"{recipe} is a sweep's directory already; leave out --out")
        path, source = Path(recipe), Path(recipe) / SETTINGS
    else:
        source = find_recipe(recipe)
        path = path or Path("runs") / f"{source.stem.replace('_', '-')}-sweep"
    if source.name == SETTINGS and source.parent == path:
        require_whole(source)
    plan = load_sweep(source, overrides, vary, seeds)
    plan.check()
    settings = path / SETTINGS
    if not settings.is_file() and path.exists() and not (path.is_dir() and holds_nothing(path)):
        raise RunError(
            f"{path} is no empty directory and holds no sweep; give another one with --out"
        )
    path.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as lock:
        lock_run(path, lock)
        if settings.is_file() and not fresh:
            differences = list_differences(
                load_sweep(settings, [], [], None).base.model_dump(mode="json"),
                plan.base.model_dump(mode="json"),
            )
            if differences:
                raise RunError(
                    f"{path} already holds a sweep with different settings "
                    f"({'; '.join(differences)}); give "
                    "another directory with --out, or --fresh to delete it and start over"
                )
        replace_files(
            {settings: [f"{plan.to_toml()}\n{LAST_LINE}\n".encode()]},
            before=lambda: delete_contents(path, but=SETTINGS) if fresh else None,
        )
        yield path, plan


def run_sweep(path: Path, plan: SweepPlan) -> None:
    """Carry out what is not finished; `sweep.json` tells of all that is after every point.

    After Ctrl-C or SIGTERM the process exits as from a stage (`run_stages`).
    """
    way_on = shlex.join(["adfast", "sweep", str(path)])
    with stoppable("the sweep", way_on):
        carry_out_points(path, plan, way_on)


def carry_out_points(path: Path, plan: SweepPlan, way_on: str) -> None:
    """`run_sweep` without its answer to signals."""
    runs = plan.runs
    number = 0
    for point in plan.points:
        for run in point.runs:
            number += 1
            with RunDirectory.create(path / run.name, run.config) as directory:
                is_finished = is_whole(directory)
                state = ": finished before" if is_finished else ""
                print(f"[{number}/{len(runs)}] {run.name}{state}", file=sys.stderr)
                if not is_finished:
                    carry_out(directory, path / HISTORIES, way_on=way_on)
        write_results(path, plan)


def is_whole(run: RunDirectory) -> bool:
    """Whether nothing of a sweep's run is left to do."""
    return run.is_finished("evaluate") and "history_loss" in evaluation_of(run)


def carry_out(run: RunDirectory, shared: Path, *, way_on: str) -> None:
    """Collect into `shared` unless its histories are there, train, evaluate, measure the loss."""
    link_histories(run, shared)
    run_stages(run, STAGES_OF_A_POINT, way_on=way_on)
    measure_history_loss(run)


def link_histories(run: RunDirectory, shared: Path) -> None:
    """Make the run's `histories`, if it has any, a link to what runs of its collection share."""
    if run.config.collection.live or run.histories.exists():
        return
    folder = shared / collection_key(run.config)
    folder.mkdir(parents=True, exist_ok=True)
    run.histories.unlink(missing_ok=True)  # a link whose target was deleted
    run.histories.symlink_to(Path("..") / folder.relative_to(run.path.parent))


def collection_key(config: Recipe) -> str:
    """A name for all that the histories of a run are a function of."""
    from adfast.collection.config import LIVE_SETTINGS

    family = make_family(config)
    collected = {
        "family": config.family.model_dump(mode="json"),
        "collection": config.collection.model_dump(
            mode="json", exclude={"threads", *LIVE_SETTINGS}
        ),
        "held_out": make_split(config, family).held_out.tolist(),
        "seed": config.seed,
    }
    return hashlib.sha256(json.dumps(collected, sort_keys=True).encode()).hexdigest()[:12]


def measure_history_loss(run: RunDirectory) -> None:
    """Add `history_loss`, the loss by position in held-out histories, to the run's evaluation.

    It is kept there because whatever makes it out of date, training or evaluating again, writes
    that file anew.
    """
    import torch

    from adfast import source_algorithms
    from adfast.models.checkpoint import load_model
    from adfast.probes.history_loss import history_loss
    from adfast.training.checkpoints import newest_checkpoint

    started = time.perf_counter()
    config, collection = run.config, run.config.collection
    family = make_family(config)
    checkpoint = newest_checkpoint(run.checkpoints)
    if checkpoint is None:
        raise RunError(
            f"{run.checkpoints} holds no checkpoint; train again with: "
            f"adfast train {run.path} --fresh"
        )
    torch.set_num_threads(1)  # a step is too short to be split, least beside other processes
    measured = history_loss(
        load_model(checkpoint),
        family,
        make_split(config, family).held_out,
        source_algorithms.make(collection.algorithm, **collection.options),
        episodes=collection.episodes,
        keep_every=collection.keep_every,
        seed=config.seed,
        device=config.evaluation.device,
        precision=config.evaluation.precision,
    )
    evaluation = evaluation_of(run)
    evaluation["history_loss"] = {
        "edges": measured.edges.tolist(),
        "loss": measured.loss.tolist(),
    }
    evaluation["seconds"]["history_loss"] = round(time.perf_counter() - started, 3)
    write_json(run.evaluation, evaluation)


def evaluation_of(run: RunDirectory) -> dict[str, Any]:
    """The evaluation of a run that is evaluated."""
    return run.read_evaluation()
