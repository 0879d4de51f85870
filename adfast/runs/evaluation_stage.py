"""The stage "evaluate": the frozen model acts; what it earned is written beside the references."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.config import list_differences
from adfast.errors import Interrupted, RunError
from adfast.runs.hooks import RunHooks
from adfast.runs.recipe import Recipe, make_family, make_split
from adfast.runs.run_directory import RunDirectory
from adfast.runs.run_files import json_text

if TYPE_CHECKING:
    from adfast.evaluation.in_context import InContextEvaluation
    from adfast.models.transformer import Transformer
    from adfast.tasks.family import TaskFamily


def evaluate(run: RunDirectory, hooks: RunHooks) -> None:
    """Let the frozen model learn in context on held-out and training tasks; write the returns."""
    import torch
    from safetensors.numpy import save

    from adfast import source_algorithms
    from adfast.evaluation.references import compute_references
    from adfast.evaluation.summary import (
        SOLVED_SHARE,
        describe_references,
        describe_returns,
        describe_tasks,
        summarise,
    )
    from adfast.models.device import (
        describe_computing,
        dtype_name,
        resolve_cache,
        resolve_device,
        resolve_precision,
    )
    from adfast.probes.attended.recording import record_attention

    run.require("train")
    started = time.perf_counter()
    config, settings = run.config, run.config.evaluation
    family = make_family(run.config)
    split = make_split(run.config, family)
    device = resolve_device(settings.device, "evaluation.device")
    precision = resolve_precision(settings.precision, device, "evaluation.precision")
    cache = resolve_cache(settings.cache, device, precision, "evaluation.cache")
    torch.set_num_threads(1)  # a step is too short to be split, least beside other processes
    model = load_trained_model(run)
    # Held-out and training tasks act in one batch: one streamed step serves all.
    task_ids = np.concatenate([split.held_out, spread(split.train, settings.train_tasks)])
    hooks.should_stop.postpone()
    everything = act(model, family, task_ids, config, hooks)
    hooks.should_stop.stop_at_once()
    held_out = everything.select(slice(0, len(split.held_out)))
    trained = everything.select(slice(len(split.held_out), None))
    references = compute_references(
        family,
        split.held_out,
        source_algorithms.make(config.collection.algorithm, **config.collection.options),
        episodes=settings.episodes,
        keep_every=config.collection.keep_every,
        seed=config.seed,
    )
    optimal = family.optimal_return(split.held_out)
    summary = summarise(held_out, optimal)
    per_task = describe_tasks(family, held_out, optimal)
    shares = np.array([row["share_of_optimal"] for row in per_task])
    recorded = {
        run.trajectories: asdict(held_out.trajectories),
        run.attention: asdict(record_attention(model, held_out, shares)),
    }
    results = {
        path: [save({name: np.ascontiguousarray(array) for name, array in arrays.items()})]
        for path, arrays in recorded.items()
    }
    evaluation: dict[str, Any] = {
        "family": config.family.model_dump(),
        "temperature": settings.temperature,
        "episodes": settings.episodes,
        "episode_length": family.episode_length,
        "seeds": settings.seeds,
        "solved_share": SOLVED_SHARE,
        "trained_context_transitions": config.training.context_length,
        "receptive_field_transitions": config.model.receptive_field,
        "held_out": describe_returns(held_out, family),
        "references": describe_references(references),
        "per_task": per_task,
    }
    if len(trained.task_ids):
        evaluation["train"] = describe_returns(trained, family)
        summary["train_mean_by_episode"] = trained.returns.mean(axis=(0, 1)).tolist()
    seconds = time.perf_counter() - started
    records = run.stage_records()
    stage_seconds = {n: records[n]["seconds"] for n in ("collect", "train") if n in records}
    evaluation |= {"summary": summary, "seconds": stage_seconds | {"evaluate": round(seconds, 3)}}
    run.write_results("evaluate", results | {run.evaluation: [json_text(evaluation)]})
    run.record_stage(
        "evaluate",
        seconds,
        environment_steps=everything.trajectories.action.size,
        **describe_computing(device, precision),
        cache=dtype_name(cache),
    )


def load_trained_model(run: RunDirectory) -> Transformer:
    """The model of the newest checkpoint; raises `RunError` unless the settings are of it."""
    from adfast.models.checkpoint import load_model
    from adfast.training.checkpoints import newest_checkpoint

    checkpoint = newest_checkpoint(run.checkpoints)
    if checkpoint is None:
        raise RunError(
            f"{run.checkpoints} holds no checkpoint; train again with: "
            f"adfast train {run.path} --fresh"
        )
    model = load_model(checkpoint)
    differences = list_differences(
        {"model": model.config.model_dump(mode="json")},
        {"model": run.config.model.model_dump(mode="json")},
    )
    if differences:
        raise RunError(
            f"{checkpoint} was trained by other settings ({'; '.join(differences)}); change "
            "run.toml back, or train anew with --fresh"
        )
    return model


def act(
    model: Transformer,
    family: TaskFamily,
    task_ids: np.ndarray,
    config: Recipe,
    hooks: RunHooks,
) -> InContextEvaluation:
    """What `model` does and earns on the tasks, with a progress bar; raises `Interrupted`."""
    from adfast.evaluation.in_context import evaluate as evaluate_in_context

    settings = config.evaluation
    with hooks.progress("evaluate", settings.episodes, "episodes") as bar:

        def on_episode(episodes: int) -> None:
            bar.advance_to(episodes)
            if hooks.should_stop() and episodes < settings.episodes:
                raise Interrupted(
                    f"evaluating stopped after {episodes} of {settings.episodes} episodes; "
                    "it will begin anew, all before it is kept"
                )

        return evaluate_in_context(
            model,
            family,
            task_ids,
            episodes=settings.episodes,
            seeds=settings.seeds,
            temperature=settings.temperature,
            seed=config.seed,
            on_episode=on_episode,
            device=settings.device,
            precision=settings.precision,
            cache=settings.cache,
            progress=False,
        )


def spread(task_ids: np.ndarray, count: int) -> np.ndarray:
    """`count` of the sorted `task_ids`, or all if there are fewer, evenly over their range.

    The first ones would be goals of one corner, whose optimum is not that of the room.
    """
    count = min(count, len(task_ids))
    return task_ids[np.arange(count) * len(task_ids) // max(count, 1)]
