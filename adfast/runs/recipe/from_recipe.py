"""What a recipe stands for: its family, split, plan, schedule, and how far it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfast.errors import InvalidArgument, RunError
from adfast.runs.recipe.recipe import Recipe
from adfast.training.config import checkpoint_name

if TYPE_CHECKING:
    from adfast.collection.live_schedule import LiveSchedule
    from adfast.collection.plan import CollectionPlan
    from adfast.tasks.family import TaskFamily
    from adfast.tasks.task_split import TaskSplit


def make_family(config: Recipe) -> TaskFamily:
    """The task family of a run; raises `RunError` where it acts in Gymnasium environments."""
    from adfast import tasks

    if config.environment is not None:
        raise RunError(
            f"the run acts in {config.environment.id} and has no task family; give one of a family"
        )

    return tasks.make(config.family.name, **config.family.options)


def split_seed(config: Recipe) -> int:
    """The seed that tasks are drawn by."""
    seed = config.collection.split_seed
    return config.seed if seed is None else seed


def trained_context(config: Recipe, episode_length: int) -> int:
    """The transitions of the longest history that the run's model is trained on."""
    if config.is_rl2:
        return config.rl2.trial_episodes * episode_length
    return config.training.context_length


def last_checkpoint(config: Recipe) -> str:
    """The name of the checkpoint that the training of a run leaves at its end."""
    return checkpoint_name(last_update(config))


def last_update(config: Recipe) -> int:
    """The number of updates that the training of a run comes to."""
    if config.is_rl2:
        return config.rl2.last_update(make_family(config).episode_length)
    return config.training.updates


def make_split(config: Recipe, family: TaskFamily) -> TaskSplit:
    """The training, validation and held-out tasks of a run of `family`."""
    collection = config.collection
    try:
        return family.split(
            collection.held_out,
            split_seed(config),
            collection.validation,
            kind=collection.split,
            leak=collection.leak,
        )
    except InvalidArgument as error:
        raise InvalidArgument(f"collection.{error}") from None


def make_plan(config: Recipe, family: TaskFamily) -> CollectionPlan:
    """Which histories a run is trained on."""
    from adfast.collection.plan import CollectionPlan

    train = make_split(config, family).train
    return CollectionPlan(family, train, config.collection, config.seed)


def make_live_schedule(config: Recipe, plan: CollectionPlan) -> LiveSchedule:
    """Which of them each update sees of a live ring; raises `InvalidArgument`."""
    from adfast.collection.live_schedule import plan_live_schedule

    training = config.training
    return plan_live_schedule(
        plan,
        num_draws=training.updates,
        sampled_transitions=training.batch_size * training.context_length,
    )
