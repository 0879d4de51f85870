"""The stages of a run: collect, train, evaluate (in `evaluation_stage`), report.

Each reads what the stage before left in the run directory, leaves its own result there, and notes
that it is finished; a finished stage is never repeated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adfast.cli.evaluation_stage import evaluate
from adfast.cli.interruption import Interruption, stoppable
from adfast.cli.run_config import make_family, make_plan, make_split
from adfast.cli.run_directory import RunDirectory
from adfast.cli.run_files import write_json
from adfast.cli.training_histories import (
    describe_collection,
    describe_ring,
    training_histories,
)
from adfast.durable import require_room
from adfast.errors import Interrupted, RunError
from adfast.printable import printable
from adfast.progress import progress_bar

if TYPE_CHECKING:
    from torch import nn


def collect(run: RunDirectory, should_stop: Interruption) -> None:
    """Write the learning histories of the training tasks into the run's history store."""
    from adfast.collection.collect import collect as collect_histories
    from adfast.collection.collect import report_blocks

    started = time.perf_counter()
    family = make_family(run.config)
    plan = make_plan(run.config, family)
    should_stop.postpone()
    with progress_bar("collect", plan.num_blocks, "blocks") as bar:
        store = collect_histories(
            plan,
            run.histories,
            description=describe_collection(run.config),
            on_block=report_blocks(bar),
            should_stop=should_stop,
            progress=False,
        )
    run.record_stage(
        "collect",
        time.perf_counter() - started,
        histories=store.num_histories,
        transitions=store.num_transitions,
        bytes_per_transition=family.transition_schema.bytes_per_transition,
    )


def train(run: RunDirectory, should_stop: Interruption) -> None:
    """Fit the model to the run's histories, going on from the newest checkpoint if there is one."""
    from adfast.evaluation.in_context import evaluate as evaluate_in_context
    from adfast.models.checkpoint import describe_model
    from adfast.models.transformer import Transformer
    from adfast.training.batches import BatchSource
    from adfast.training.loop import Trainer, TrainingHooks
    from adfast.training.progress import report_updates
    from adfast.training.train import normalise_inputs

    family = make_family(run.config)
    monitored = make_split(run.config, family).held_out
    settings, config = run.config.evaluation, run.config.training
    model = Transformer(run.config.model, family.transition_schema, run.config.seed)

    def monitor() -> float:
        result = evaluate_in_context(
            model,
            family,
            monitored,
            episodes=settings.monitor_episodes,
            seeds=settings.monitor_seeds,
            temperature=settings.temperature,
            seed=run.config.seed,
            device=settings.device,
            precision=settings.precision,
            cache=settings.cache,
            progress=False,
        )
        return float(result.returns[:, :, -1].mean())

    with (
        training_histories(run, should_stop) as source,
        progress_bar("train", config.updates, "updates") as bar,
    ):
        batches = BatchSource(source, config, run.config.seed)
        if not run.has_checkpoints:  # else what is gone on from has been normalised
            normalise_inputs(model, source, run.config.seed)
        trainer = Trainer(
            model,
            batches,
            config,
            run.path,
            seed=run.config.seed,
            description=describe_model(model),
            hooks=TrainingHooks(
                evaluate=monitor if config.evaluate_every else None,
                on_update=report_updates(bar),
                should_stop=should_stop,
                say=lambda sentence: print(f"{'train':<9} {sentence}", file=sys.stderr),
            ),
        )
        should_stop.postpone()
        if run.is_to_repeat("train"):
            batches(0)  # that windows can be drawn, and a checkpoint written, before all is deleted
            require_room(run.path, checkpoint_bytes(model))
            run.begin("train")
        state = trainer.run(resume=True)
    run.record_stage(
        "train",
        state.seconds,
        threads=state.threads,
        muon_precision=state.muon_precision,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        tokens=state.tokens,
        waiting_seconds=round(state.waiting_seconds, 3),
        **({"never_drawn": state.undrawn} if state.undrawn else {}),
        **describe_ring(source),
        **trainer.execution.describe(run.config.model.head_dim),
    )


def require_all_metrics(run: RunDirectory) -> None:
    """Raise `RunError` where lines are missing at the end of a finished training's metrics."""
    from adfast.training.metrics import read_metrics

    path, updates = run.path / "metrics.jsonl", run.config.training.updates
    rows = read_metrics(path) if path.exists() else None
    if rows is not None and (not rows or rows[-1]["update"] != updates):
        last = rows[-1]["update"] if rows else "none"
        raise RunError(
            f"{path}: cut: its last line must be that of update {updates}, is {last}; restore the "
            f"file from a copy, or train again with: adfast train {run.path} --fresh"
        )


def checkpoint_bytes(model: nn.Module) -> int:
    """About what a checkpoint takes: the weights, and what the optimiser keeps of each."""
    return 3 * sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def report(run: RunDirectory, should_stop: Interruption) -> None:
    """Write the page and the figures of the run."""
    from adfast.report import write_report

    run.require("evaluate")
    run.read_evaluation()
    require_all_metrics(run)
    started = time.perf_counter()
    with progress_bar("report", 1, "page") as bar:
        write_report(run.path)
        bar.advance_to(1)
    seconds = time.perf_counter() - started
    evaluation = run.read_evaluation()
    evaluation["seconds"]["report"] = round(seconds, 3)
    write_json(run.evaluation, evaluation)
    run.record_stage("report", seconds)


STAGES = {"collect": collect, "train": train, "evaluate": evaluate, "report": report}


def run_stages(run: RunDirectory, names: Sequence[str], *, way_on: str) -> None:
    """Carry out the stages `names` in order; says which were finished before.

    After Ctrl-C or SIGTERM everything that can be kept is kept, and the process exits with the
    signal's status and the command `way_on` that continues.
    """
    for name in run.stages_of(names):
        with stoppable(name, way_on) as should_stop:
            if run.is_finished(name):
                print(f"{name:<9} finished before, in {printable(run.path)}", file=sys.stderr)
                continue
            STAGES[name](run, should_stop)
            if should_stop():
                raise Interrupted(f"stopped after {name}; all that is finished is kept")


def refuse_silent_repeat(run: RunDirectory, stage: str) -> None:
    """Raise `RunError` where `stage` is finished or begun: say how to go on or start over."""
    if run.is_finished(stage):
        raise RunError(f"{run.path}: {stage} is finished; to repeat it, add --fresh")
    if stage == "train" and run.has_checkpoints:
        raise RunError(
            f"{run.path}: training has begun; add --resume to continue it, or --fresh to start over"
        )
