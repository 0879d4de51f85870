"""The stages of a run: collect, train, and evaluate (in `evaluation_stage`).

Each reads what the stage before left in the run directory, leaves its own result there, and notes
that it is finished. The last stage, the report, is a layer above.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adfast.durable import require_room
from adfast.machine.launch import launched_together
from adfast.runs.hooks import NeverStop, RunHooks
from adfast.runs.recipe.memory_needs import FLOAT32
from adfast.runs.recipe.recorded_histories import require_validation
from adfast.runs.stages.policy_training import train_policy
from adfast.runs.stages.training_histories import (
    VALIDATION_TASKS,
    describe_collection,
    describe_source,
    training_histories,
)

# About what a checkpoint holds: the weights, and two numbers that the optimiser keeps of each.
CHECKPOINT_TENSORS = 3

if TYPE_CHECKING:
    from adfast.collection.cluster.connection import Cluster
    from adfast.models.transformer import Transformer
    from adfast.runs.run import Run
    from adfast.training.loop import Trainer


def collect(run: Run, hooks: RunHooks, cluster: Cluster | None = None) -> None:
    """Write the learning histories of the training tasks into the run's history store."""
    from adfast.collection.collect import collect as collect_histories
    from adfast.collection.collect import report_blocks
    from adfast.histories import quality

    started = time.perf_counter()
    if run.directory.is_to_repeat("collect"):
        run.directory.begin("collect")
    hooks.should_stop.postpone()
    with hooks.progress("collect", run.plan.num_blocks, "blocks") as bar:
        store = collect_histories(
            run.plan,
            run.directory.histories,
            description=describe_collection(run),
            on_block=report_blocks(bar),
            should_stop=hooks.should_stop,
            progress=False,
            cluster=cluster,
        )
    run.directory.record_stage(
        "collect",
        time.perf_counter() - started,
        histories=store.num_histories,
        transitions=store.num_transitions,
        bytes_per_transition=run.plan.schema.bytes_per_transition,
        not_stored=run.plan.num_histories - store.num_histories,
        **quality(store).summary(),
    )


def train(run: Run, hooks: RunHooks) -> None:
    """Fit the model to the run's histories, from the newest checkpoint on if there is one.

    A run of method rl2 has no histories; its policy is trained by acting.
    """
    if run.recipe.is_rl2:
        train_policy(run, hooks)
        return
    from adfast.training.loop import TrainingHooks
    from adfast.training.progress import report_updates
    from adfast.training.tracking.follower import following
    from adfast.training.train import train as train_model

    directory, config = run.directory, run.recipe.training
    # Who trains with others stops with them, after an update, and not while it waits for its batch.
    stops_waiting = NeverStop() if launched_together() else hooks.should_stop
    with (
        training_histories(run, stops_waiting) as source,
        following(run.recipe.tracking, run.path, run.recipe.model_dump(mode="json")) as follower,
        hooks.progress("train", config.updates, "updates") as bar,
    ):

        def on_begin(trainer: Trainer) -> None:
            if directory.is_to_repeat("train"):  # all is tried before what was there is deleted
                trainer.batch_of(0)
                require_room(run.path, CHECKPOINT_TENSORS * FLOAT32 * trainer.num_parameters)
                directory.begin("train")

        def on_end(trainer: Trainer) -> None:
            follower.catch_up()
            directory.record_stage(
                "train",
                trainer.state.seconds,
                **describe_training(trainer),
                **{VALIDATION_TASKS: len(run.split.validation)},
                **describe_source(run, source),
                **trainer.execution.describe(),
            )

        hooks.should_stop.postpone()
        train_model(
            source,
            run.path,
            model=run.recipe.model,
            training=config,
            seed=run.recipe.seed,
            resume=True,
            hooks=TrainingHooks(
                evaluate=validation_monitor(run) if config.evaluate_every else None,
                on_begin=on_begin,
                on_end=on_end,
                on_update=follower.on_update(report_updates(bar)),
                should_stop=hooks.should_stop,
                say=lambda sentence: hooks.warn("train", sentence),
            ),
            progress=False,
        )


def validation_monitor(run: Run) -> Callable[[Transformer], float]:
    """What a model earns in the last episode on validation tasks, for its training's metrics."""
    from adfast.evaluation.in_context import evaluate as evaluate_in_context

    settings = run.recipe.evaluation
    require_validation(run.split, "training.evaluate_every")

    def monitor(model: Transformer) -> float:
        result = evaluate_in_context(
            model,
            run.tasks,
            run.split.validation,
            episodes=settings.monitor_episodes,
            seeds=settings.monitor_seeds,
            temperature=settings.temperature,
            target_return=settings.target_return,
            seed=run.recipe.seed,
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
        "parameters": trainer.num_parameters,
        "tokens": state.tokens,
        "waiting_seconds": round(state.waiting_seconds, 3),
        **({"never_drawn": state.undrawn} if state.undrawn else {}),
    }
