"""The stage "evaluate": the frozen model, or another agent, acts; what it earns is written beside
the references.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.config import list_differences
from adfast.errors import Interrupted, InvalidArgument, RunError
from adfast.evaluation.config import VALIDATION, EvaluationConfig
from adfast.runs.files.evaluation_files import EvaluationFiles
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_files import settings_text
from adfast.runs.hooks import RunHooks
from adfast.runs.recipe.deployment import Deployment, deploy
from adfast.runs.recipe.feasible import agent_beside
from adfast.runs.recipe.from_recipe import trained_context
from adfast.runs.recipe.recorded_histories import describe_environment, require_trained_on
from adfast.runs.stages.policy_training import COMPUTING, ready_policy
from adfast.runs.stages.training_histories import RECORDED, VALIDATION_TASKS

if TYPE_CHECKING:
    from adfast.evaluation.agents.in_context_agent import AgentMaker
    from adfast.evaluation.in_context import InContextEvaluation
    from adfast.evaluation.references import References
    from adfast.models.transformer import Transformer
    from adfast.runs.files.run_directory import RunDirectory
    from adfast.runs.run import Run
    from adfast.source_algorithms.source_algorithm import SourceAlgorithm
    from adfast.tasks.family import TaskFamily


def evaluate(
    run: Run, settings: EvaluationConfig, files: EvaluationFiles, hooks: RunHooks
) -> EvaluationResults:
    """What an agent earns in context on the tasks that `settings` say, written to `files`."""
    import torch

    started = time.perf_counter()
    train = run.directory.stages().get("train")
    if run.recipe.histories is not None and train is not None:
        require_trained_on(run.histories, (train.model_extra or {}).get(RECORDED))
    computing = describe_evaluation(run, settings)  # raises for what this machine lacks
    torch.set_num_threads(1)  # a step is too short to be split, least beside other processes
    place = deploy(run.recipe, settings, run.tasks, run.split)
    if settings.tasks == VALIDATION and settings.family is None:
        require_unseen_validation(run)
    hooks.should_stop.postpone()
    # Training tasks act in the same batch: one streamed step serves all.
    everything = act(run, settings, place, hooks)
    hooks.should_stop.stop_at_once()
    counted = everything.select(slice(0, len(place.evaluated)))
    trained = everything.select(slice(len(place.evaluated), None))
    results = results_of(run, settings, place, counted, trained)
    contents = {files.results: [results.to_json()]}
    contents |= recorded_arrays(run, settings, counted, results, files)
    if files.name is not None:
        recipe = run.recipe.model_copy(update={"evaluation": settings})
        contents[files.settings] = [settings_text(recipe)]
    run.directory.write_results(files.stage, contents)
    run.directory.record_stage(
        files.stage,
        time.perf_counter() - started,
        environment_steps=everything.trajectories.action.size,
        **computing,
    )
    return results


def results_of(
    run: Run,
    settings: EvaluationConfig,
    place: Deployment,
    counted: InContextEvaluation,
    trained: InContextEvaluation,
) -> EvaluationResults:
    """What was earned, beside the references."""
    from adfast.evaluation.summary import (
        SOLVED_SHARE,
        describe_references,
        describe_returns,
        describe_tasks,
        summarise,
    )

    recipe, tasks = run.recipe, place.tasks
    optimal = tasks.optimal_return(counted.task_ids)
    summary = {"tasks": settings.tasks} | summarise(counted, optimal)
    if len(trained.task_ids):
        summary["train_mean_by_episode"] = trained.returns.mean(axis=(0, 1)).tolist()
    return EvaluationResults.model_validate(
        {
            **describe_name(run, settings),
            "temperature": settings.temperature,
            "target_return": counted.target_return,
            "demonstrations": settings.demonstrations,
            "demonstration_noise": settings.demonstration_noise,
            "tell_rewards": settings.tell_rewards,
            "episodes": settings.episodes,
            "episode_length": tasks.transition_schema.episode_length,
            "seeds": settings.seeds,
            "agent": None if settings.is_of_own_model else settings.agent,
            "solved_share": None if optimal is None else SOLVED_SHARE,
            "trained_context_transitions": trained_context(
                recipe, run.tasks.transition_schema.episode_length
            ),
            "receptive_field_transitions": recipe.receptive_field,
            "evaluated": describe_returns(counted, tasks),
            "train": describe_returns(trained, tasks) if len(trained.task_ids) else None,
            "references": describe_references(references_of(run, settings, place)),
            "dead_ends": dead_ends_of(run, place, counted),
            "per_task": describe_tasks(tasks, counted, optimal),
            "summary": summary,
        }
    )


def describe_name(run: Run, settings: EvaluationConfig) -> dict[str, Any]:
    """What the results call the tasks."""
    environment = run.recipe.environment
    if environment is None:
        own = run.recipe.family.model_dump()
        if settings.family is None:
            return {"family": own}
        return {"family": settings.family.model_dump(), "trained_on": own}
    return {"environment": describe_environment(environment, run.tasks.transition_schema)}


def references_of(run: Run, settings: EvaluationConfig, place: Deployment) -> References:
    """What the returns on the evaluated tasks are compared with."""
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.evaluation.references import compute_references, environment_references
    from adfast.tasks.family import TaskFamily

    recipe, tasks, task_ids = run.recipe, place.tasks, place.evaluated
    if isinstance(tasks, EnvironmentTasks):
        return environment_references(
            tasks, task_ids, run.histories, episodes=settings.episodes, seed=recipe.seed
        )
    assert isinstance(tasks, TaskFamily), "there are no other tasks"
    return compute_references(
        tasks,
        task_ids,
        fitting(run.source, tasks) if place.is_elsewhere else run.source,
        episodes=settings.episodes,
        keep_every=recipe.collection.keep_every,
        seed=recipe.seed,
    )


def fitting(source: SourceAlgorithm, family: TaskFamily) -> SourceAlgorithm | None:
    """The run's source algorithm, None where it cannot learn another family."""
    try:
        source.check(family)
    except InvalidArgument:
        return None
    return source


def require_unseen_validation(run: Run) -> None:
    """Raise `RunError` for a model from before there were validation tasks: it has seen them."""
    train = run.directory.stages().get("train")
    if train is not None and VALIDATION_TASKS not in (train.model_extra or {}):
        raise RunError(
            f"{run.path} was trained before there were validation tasks, on all that are not held "
            "out; train it anew with --fresh (in Python fresh=True)"
        )


def dead_ends_of(
    run: Run, place: Deployment, counted: InContextEvaluation
) -> dict[str, Any] | None:
    """How often episodes came to a dead end; None where the tasks have none."""
    from adfast.evaluation.dead_ends import count_dead_ends
    from adfast.tasks.family import TaskFamily

    recipe, tasks = run.recipe, place.tasks
    if not isinstance(tasks, TaskFamily):
        return None
    found = count_dead_ends(
        tasks,
        counted,
        fitting(run.source, tasks) if place.is_elsewhere else run.source,
        keep_every=recipe.collection.keep_every,
        seed=recipe.seed,
    )
    if found is None:
        return None
    learned = found.source_every_kth
    return {
        "evaluated": found.evaluated.tolist(),
        "source_every_kth": None if learned is None else learned.tolist(),
        "random": found.random,
    }


def recorded_arrays(
    run: Run,
    settings: EvaluationConfig,
    counted: InContextEvaluation,
    results: EvaluationResults,
    files: EvaluationFiles,
) -> dict[Path, list[bytes]]:
    """The contents of the files of what was done on the evaluated tasks, and attended to by the
    run's model where that acted.
    """
    from safetensors.numpy import save

    from adfast.probes.attended.recording import record_attention

    recorded = {files.trajectories: asdict(counted.trajectories)}
    if settings.replays_what_was_read and not run.recipe.is_rl2:
        ranks = np.array([outcome.rank for outcome in results.per_task])
        recorded[files.attention] = asdict(record_attention(run.model, counted, ranks))
    return {
        path: [save({name: np.ascontiguousarray(array) for name, array in arrays.items()})]
        for path, arrays in recorded.items()
    }


def describe_evaluation(run: Run, settings: EvaluationConfig) -> dict[str, Any]:
    """Where and in what precision it is computed; raises for what this machine lacks."""
    if run.recipe.is_rl2 and settings.is_of_own_model:
        return dict(COMPUTING)
    from adfast.models.device import (
        describe_computing,
        dtype_name,
        resolve_cache,
        resolve_device,
        resolve_precision,
    )

    device = resolve_device(settings.device, "evaluation.device")
    precision = resolve_precision(settings.precision, device, "evaluation.precision")
    cache = resolve_cache(settings.cache, device, precision, "evaluation.cache")
    return {**describe_computing(device, precision), "cache": dtype_name(cache)}


def load_trained_model(run: RunDirectory) -> Transformer:
    """The model of the newest checkpoint; raises `RunError` unless the settings are of it."""
    from adfast.models.checkpoint import load_model
    from adfast.training.checkpoints.checkpoints import newest_checkpoint

    checkpoint = newest_checkpoint(run.checkpoints)
    if checkpoint is None:
        raise RunError(
            f"{run.checkpoints} holds no checkpoint; train again with: "
            f"adfast train {run.path} --fresh"
        )
    model = load_model(checkpoint)
    differences = list_differences(
        {"model": model.config.model_dump(mode="json")},
        {"model": run.recipe.model.model_dump(mode="json")},
    )
    if differences:
        raise RunError(
            f"{checkpoint} was trained by other settings ({'; '.join(differences)}); change "
            "run.toml back, or train anew with --fresh"
        )
    return model


def act(
    run: Run, settings: EvaluationConfig, place: Deployment, hooks: RunHooks
) -> InContextEvaluation:
    """What the agent does and earns on the tasks, with a bar; raises `Interrupted`."""
    from adfast.evaluation.in_context import evaluate as evaluate_in_context

    agent: Transformer | AgentMaker
    if settings.is_of_own_model:
        agent = ready_policy(run.policy) if run.recipe.is_rl2 else run.model
    else:
        recipe = run.recipe.model_copy(update={"evaluation": settings})
        agent = agent_beside(recipe, None if place.is_elsewhere else run.split.train)
    with hooks.progress("evaluate", settings.episodes, "episodes") as bar:

        def on_episode(episodes: int) -> None:
            bar.advance_to(episodes)
            if hooks.should_stop() and episodes < settings.episodes:
                raise Interrupted(
                    f"evaluating stopped after {episodes} of {settings.episodes} episodes; "
                    "it will begin anew, all before it is kept"
                )

        return evaluate_in_context(
            agent,
            place.tasks,
            np.concatenate([place.evaluated, place.train]),
            episodes=settings.episodes,
            seeds=settings.seeds,
            temperature=settings.temperature,
            target_return=settings.target_return,
            demonstrations=settings.demonstrations,
            demonstration_noise=settings.demonstration_noise,
            tell_rewards=settings.tell_rewards,
            seed=run.recipe.seed,
            on_episode=on_episode,
            device=settings.device,
            precision=settings.precision,
            cache=settings.cache,
            progress=False,
        )
