"""Deployment: the tasks that an evaluation acts on, of the run's own or of another family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.config import VALIDATION, EvaluationConfig
from adfast.runs.recipe.from_recipe import split_seed
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recorded_histories import require_validation

if TYPE_CHECKING:
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.tasks.family import TaskFamily
    from adfast.tasks.task_split import TaskSplit


@dataclass(frozen=True)
class Deployment:
    """`evaluated` task ids and, for comparison, `train` ones of `tasks`.

    `is_elsewhere` says that these are of another family than was trained on.
    """

    tasks: TaskFamily | EnvironmentTasks
    evaluated: np.ndarray
    train: np.ndarray
    is_elsewhere: bool = False


def deploy(
    recipe: Recipe,
    settings: EvaluationConfig,
    tasks: TaskFamily | EnvironmentTasks,
    split: TaskSplit,
) -> Deployment:
    """Where a model of the run of `tasks` acts by `settings`; raises `InvalidArgument`."""
    if settings.family is not None:
        family = other_family(recipe, settings, tasks)
        return Deployment(
            family, drawn_tasks(recipe, settings, family), np.empty(0, np.int64), is_elsewhere=True
        )
    if settings.tasks == VALIDATION:
        require_validation(split, f'evaluation.tasks = "{VALIDATION}"')
    evaluated = split.validation if settings.tasks == VALIDATION else split.held_out
    return Deployment(tasks, evaluated, spread(split.train, settings.train_tasks))


def other_family(
    recipe: Recipe, settings: EvaluationConfig, tasks: TaskFamily | EnvironmentTasks
) -> TaskFamily:
    """The family that `settings` name; raises unless an agent of `tasks` can act in it."""
    from adfast import tasks as families

    assert settings.family is not None
    try:
        family = families.make(settings.family.name, **settings.family.options)
    except InvalidArgument as error:
        error.args = (f"evaluation.family: {error}",)
        raise
    if family == tasks:
        raise InvalidArgument(
            f"evaluation.family must be another family than the run's, got {family}; leave it at "
            '"none" to evaluate on tasks that the run holds out'
        )
    if recipe.environment is not None:
        raise InvalidArgument(
            "evaluation.family needs a run that was trained on a family, got one of recorded "
            'histories; leave it at "none"'
        )
    if family.transition_schema != tasks.transition_schema:
        raise InvalidArgument(
            "evaluation.family must have the transition schema that the model was trained on, "
            f"{tasks.transition_schema}, got {family.name} with {family.transition_schema}; train "
            "on families of one schema, choose options that make them equal, or, where the trained "
            "one observes a number, name a mixture of both in which the trained one has weight 0"
        )
    return family


def drawn_tasks(recipe: Recipe, settings: EvaluationConfig, family: TaskFamily) -> np.ndarray:
    """The held-out or validation tasks of a split of `family` by the run's seed and sizes.

    All tasks where there are not enough of them.
    """
    held_out, validation = recipe.collection.held_out, recipe.collection.validation
    held_out = settings.family_tasks or held_out
    if family.num_tasks < held_out + validation:
        return np.arange(family.num_tasks)
    order = family.drawn_order(split_seed(recipe))
    if settings.tasks == VALIDATION:
        return np.sort(order[held_out : held_out + validation])
    return np.sort(order[:held_out])


def spread(task_ids: np.ndarray, count: int) -> np.ndarray:
    """`count` of the sorted `task_ids`, or all if there are fewer, evenly over their range.

    The first ones would be goals of one corner, whose optimum is not that of the room.
    """
    count = min(count, len(task_ids))
    return task_ids[np.arange(count) * len(task_ids) // max(count, 1)]
