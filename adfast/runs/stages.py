"""The stages of a run: collect, train, and evaluate (in `evaluation_stage`).

Each reads what the stage before left in the run directory, leaves its own result there, and notes
that it is finished. The last stage, the report, is a layer above.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adfast.durable import require_room
from adfast.errors import RunError
from adfast.runs.hooks import RunHooks
from adfast.runs.recipe import make_family, make_plan, make_split
from adfast.runs.run_directory import RunDirectory
from adfast.runs.training_histories import (
    describe_collection,
    describe_ring,
    training_histories,
)

if TYPE_CHECKING:
    from torch import nn


def collect(run: RunDirectory, hooks: RunHooks) -> None:
    """Write the learning histories of the training tasks into the run's history store."""
    from adfast.collection.collect import collect as collect_histories
    from adfast.collection.collect import report_blocks

    started = time.perf_counter()
    family = make_family(run.config)
    plan = make_plan(run.config, family)
    hooks.should_stop.postpone()
    with hooks.progress("collect", plan.num_blocks, "blocks") as bar:
        store = collect_histories(
            plan,
            run.histories,
            description=describe_collection(run.config),
            on_block=report_blocks(bar),
            should_stop=hooks.should_stop,
            progress=False,
        )
    run.record_stage(
        "collect",
        time.perf_counter() - started,
        histories=store.num_histories,
        transitions=store.num_transitions,
        bytes_per_transition=family.transition_schema.bytes_per_transition,
    )


def train(run: RunDirectory, hooks: RunHooks) -> None:
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
        training_histories(run, hooks.should_stop) as source,
        hooks.progress("train", config.updates, "updates") as bar,
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
                should_stop=hooks.should_stop,
                say=lambda sentence: hooks.say("train", sentence),
            ),
        )
        hooks.should_stop.postpone()
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
