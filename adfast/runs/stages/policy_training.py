"""The stage "train" of a run of method rl2: a policy learns by acting in the training tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from adfast.durable import require_room
from adfast.errors import InvalidArgument, RunError
from adfast.runs.hooks import RunHooks
from adfast.runs.recipe.memory_needs import FLOAT32, Need
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.stages.training_histories import VALIDATION_TASKS

if TYPE_CHECKING:
    from adfast.baselines.rl2.policy import Policy
    from adfast.baselines.rl2.train import RL2Trainer
    from adfast.evaluation.agents.in_context_agent import AgentMaker
    from adfast.runs.files.run_directory import RunDirectory
    from adfast.runs.run import Run
    from adfast.tasks.family import TaskFamily
    from adfast.tasks.transition_schema import TransitionSchema

# A policy acts on the CPU in float32, as it was trained.
COMPUTING = {"device": "cpu", "precision": "float32", "cache": "float32"}


def train_policy(run: Run, hooks: RunHooks) -> None:
    """Train the run's policy by acting, from the newest checkpoint on if there is one."""
    from adfast.baselines.rl2.train import RL2Hooks, RL2Trainer, report_trials
    from adfast.training.tracking.follower import following

    directory, recipe = run.directory, run.recipe

    def on_begin(trainer: RL2Trainer) -> None:
        hooks.should_stop.postpone()
        if directory.is_to_repeat("train"):
            require_room(run.path, 3 * FLOAT32 * parameters_of(trainer.policy))
            directory.begin("train")

    trainer = RL2Trainer(
        run.family,
        run.split.train,
        run.path,
        rl2=recipe.rl2,
        model=recipe.model,
        seed=recipe.seed,
    )
    with (
        following(recipe.tracking, run.path, recipe.model_dump(mode="json")) as follower,
        hooks.progress("train", trainer.last_update, "updates") as bar,
    ):
        trainer.hooks = RL2Hooks(
            evaluate=policy_monitor(run) if recipe.rl2.evaluate_every else None,
            on_begin=on_begin,
            on_update=follower.on_update(report_trials(bar)),
            should_stop=hooks.should_stop,
        )
        state = trainer.run(resume=True)
        follower.catch_up()
    directory.record_stage(
        "train",
        state.seconds,
        threads=state.threads,
        parameters=parameters_of(trainer.policy),
        environment_steps=state.environment_steps,
        **{VALIDATION_TASKS: len(run.split.validation)},
        **{name: COMPUTING[name] for name in ("device", "precision")},
    )


def parameters_of(policy: Policy) -> int:
    """The number of its weights."""
    return sum(parameter.numel() for parameter in policy.parameters())


def policy_monitor(run: Run) -> Callable[[Policy], float]:
    """What a policy earns in the last episode on validation tasks, for its training's metrics."""
    from adfast.evaluation.in_context import evaluate

    settings = run.recipe.evaluation

    def monitor(policy: Policy) -> float:
        result = evaluate(
            ready_policy(policy),
            run.family,
            run.split.validation,
            episodes=settings.monitor_episodes,
            seeds=settings.monitor_seeds,
            temperature=settings.temperature,
            seed=run.recipe.seed,
            progress=False,
        )
        policy.train()
        return float(result.returns[:, :, -1].mean())

    return monitor


def ready_policy(policy: Policy) -> AgentMaker:
    """What lets `policy` act in an evaluation."""
    from adfast.baselines.rl2.agent import ReadyPolicy

    return ReadyPolicy(policy=policy)


def load_trained_policy(run: RunDirectory) -> Policy:
    """The policy of the newest checkpoint; raises `RunError` unless the settings are of it."""
    from adfast.baselines.rl2.agent import load_rl2
    from adfast.baselines.rl2.checkpoints import changed_settings
    from adfast.training.checkpoints.checkpoints import newest_checkpoint

    checkpoint = newest_checkpoint(run.checkpoints)
    if checkpoint is None:
        raise RunError(
            f"{run.checkpoints} holds no checkpoint; train again with: "
            f"adfast train {run.path} --fresh"
        )
    if differences := changed_settings(checkpoint, run.recipe.rl2, run.recipe.model):
        raise RunError(
            f"{checkpoint} was trained by other settings ({'; '.join(differences)}); change "
            "run.toml back, or train anew with --fresh"
        )
    return load_rl2(checkpoint)


def check_policy(config: Recipe, family: TaskFamily) -> None:
    """Raise `InvalidArgument` for settings that no run of method rl2 could carry out."""
    settings = config.evaluation
    for name, only in COMPUTING.items():
        if (asked := getattr(settings, name)) not in ("auto", only):
            raise InvalidArgument(
                f'evaluation.{name} must be "{only}" for a policy of RL2, which acts as it was '
                f'trained, got "{asked}"; leave it at its default'
            )
    if config.rl2.body == "transformer":
        check_transformer(config, family)


def check_transformer(config: Recipe, family: TaskFamily) -> None:
    """Raise `InvalidArgument` for a transformer that no trial, or no evaluation, fits."""
    model, trial = config.model, config.rl2.trial_episodes * family.episode_length
    if model.context == "set":
        raise InvalidArgument(
            'model.context must be "sequence" for RL2, which learns from what it did in order, got '
            '"set"; leave it at its default'
        )
    if model.reads_return:
        raise InvalidArgument(
            "model.reads_return must be false for RL2, of whose trials nobody knows the return "
            "while they are played, got true; leave it at its default"
        )
    needed = max(trial, config.evaluation.episodes * family.episode_length)
    positions = model.num_learned_positions
    if positions is not None and positions < needed:
        raise InvalidArgument(
            f"model.num_learned_positions must be at least {needed}, the transitions of the "
            f"longest trial or evaluation, got {positions}; raise it, or use another "
            "model.position_encoding"
        )


def policy_needs(config: Recipe, schema: TransitionSchema) -> Iterator[Need]:
    """What training a policy must hold in memory."""
    rl2, outputs = config.rl2, schema.num_actions + 1
    steps = rl2.steps_per_update(schema.episode_length)
    yield (
        "an update's trials",
        "rl2.environments or rl2.trial_episodes",
        steps * (schema.bytes_per_transition + FLOAT32 * outputs),
    )
    width = config.model.width if rl2.body == "transformer" else rl2.width
    yield (
        "a minibatch with its embeddings",
        "rl2.environments, or raise rl2.minibatches",
        steps // rl2.minibatches * FLOAT32 * width,
    )
