"""The stages of a run: collect, train, and evaluate (in `evaluation_stage`).

Each reads what the stage before left in the run directory, leaves its own result there, and notes
that it is finished. The last stage, the report, is a layer above.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adfast.durable import require_room
from adfast.errors import RunError
from adfast.runs.hooks import RunHooks
from adfast.runs.recipe import Recipe, make_family, make_plan, make_split
from adfast.runs.run_directory import RunDirectory
from adfast.runs.training_histories import (
    describe_collection,
    describe_ring,
    training_histories,
)

if TYPE_CHECKING:
    from torch import nn

    from adfast.models.transformer import Transformer
    from adfast.training.loop import Trainer


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


def train(run: RunDirectory, hooks: RunHooks) -> Transformer:
    """The model fitted to the run's histories, from the newest checkpoint on if there is one."""
    from adfast.training.loop import TrainingHooks
    from adfast.training.progress import report_updates
    from adfast.training.train import train as train_model

    config = run.config.training
    with (
        training_histories(run, hooks.should_stop) as source,
        hooks.progress("train", config.updates, "updates") as bar,
    ):

        def on_begin(trainer: Trainer) -> None:
            hooks.should_stop.postpone()
            if run.is_to_repeat("train"):  # all is tried before what was there is deleted
                trainer.batch_of(0)
                require_room(run.path, checkpoint_bytes(trainer.model))
                run.begin("train")

        def on_end(trainer: Trainer) -> None:
            run.record_stage(
                "train",
                trainer.state.seconds,
                **describe_training(trainer),
                **describe_ring(source),
                **trainer.execution.describe(),
            )

        return train_model(
            source,
            run.path,
            model=run.config.model,
            training=config,
            seed=run.config.seed,
            resume=True,
            hooks=TrainingHooks(
                evaluate=held_out_monitor(run.config) if config.evaluate_every else None,
                on_begin=on_begin,
                on_end=on_end,
                on_update=report_updates(bar),
                should_stop=hooks.should_stop,
                say=lambda sentence: hooks.warn("train", sentence),
            ),
            progress=False,
        )


def held_out_monitor(recipe: Recipe) -> Callable[[Transformer], float]:
    """What a model earns in the last episode on held-out tasks, for the metrics of its training."""
    from adfast.evaluation.in_context import evaluate as evaluate_in_context

    family = make_family(recipe)
    held_out = make_split(recipe, family).held_out
    settings = recipe.evaluation

    def monitor(model: Transformer) -> float:
        result = evaluate_in_context(
            model,
            family,
            held_out,
            episodes=settings.monitor_episodes,
            seeds=settings.monitor_seeds,
            temperature=settings.temperature,
            seed=recipe.seed,
            device=settings.device,
            precision=settings.precision,
            cache=settings.cache,
            progress=False,
        )
        return float(result.returns[:, :, -1].mean())

    return monitor


def describe_training(trainer: Trainer) -> dict[str, Any]:
    """What the provenance says of a training that is finished."""
    state = trainer.state
    return {
        "threads": state.threads,
        "muon_precision": state.muon_precision,
        "parameters": sum(parameter.numel() for parameter in trainer.model.parameters()),
        "tokens": state.tokens,
        "waiting_seconds": round(state.waiting_seconds, 3),
        **({"never_drawn": state.undrawn} if state.undrawn else {}),
    }


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
