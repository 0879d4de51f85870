"""What a run begins from that collects nothing: a store that was recorded, and the environments in
which its model is to act."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from adfast.config import Config
from adfast.errors import InvalidArgument, RunError, StoreError, shown

if TYPE_CHECKING:
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.histories import HistoryStore
    from adfast.tasks.task_split import TaskSplit
    from adfast.tasks.transition_schema import TransitionSchema

IN_TOML = bool | int | float | str  # beside lists and tables of them

Arguments = Annotated[tuple[dict[str, Any], ...], Field(strict=False)]


class HistoriesConfig(Config):
    """Histories that were recorded, in place of ones that are collected."""

    path: str
    """Folder of the store; relative to the recipe's file, or to where a setting is given."""

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        return str(Path(path).absolute())


class EnvironmentConfig(Config):
    """The Gymnasium environment of the histories; each task has keyword arguments of its own."""

    id: str
    """The environment's id; "module:Name-v0" imports the module that registers it."""

    train: Arguments = ()
    """Keyword arguments of tasks that the histories are of, to be evaluated beside the others."""

    validation: Arguments = ()
    """Keyword arguments of tasks that no history is of, to be evaluated on while training."""

    held_out: Annotated[Arguments, Field(min_length=1)]
    """Keyword arguments of each task that no history is of, for the figures at the end."""

    @field_validator("train", "validation", "held_out")
    @classmethod
    def _can_be_written(cls, arguments: Arguments) -> Arguments:
        for keywords in arguments:
            for name, value in keywords.items():
                if not is_in_toml(value):
                    raise ValueError(
                        f"{name} must be a number, text, true or false, or a list or table of "
                        f"them, got {shown(value)}; register an environment that takes such"
                    )
        return arguments

    @model_validator(mode="after")
    def _sets_are_disjoint(self) -> EnvironmentConfig:
        for name, other in combinations(("held_out", "validation", "train"), 2):
            for keywords in getattr(self, name):
                if keywords in getattr(self, other):
                    raise ValueError(
                        f"{name} must have no task of {other}, got {shown(keywords)} in both; "
                        "leave it out of one"
                    )
        return self

    @property
    def arguments(self) -> tuple[dict[str, Any], ...]:
        """Keyword arguments of all tasks, in the order of their ids."""
        return (*self.train, *self.validation, *self.held_out)


def is_in_toml(value: Any) -> bool:
    """Whether a recipe can spell `value`."""
    if isinstance(value, list):
        return all(is_in_toml(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_in_toml(item) for name, item in value.items())
    return isinstance(value, IN_TOML)


def open_recorded(histories: HistoriesConfig) -> HistoryStore:
    """The store that a run begins from; raises `InvalidArgument` where none can be trained on."""
    from adfast.histories import open as open_store
    from adfast.tasks.transition_schema import TransitionSchema

    try:
        store = open_store(histories.path)
    except StoreError as error:
        raise InvalidArgument(
            f"histories.path: {error}; give the folder that adfast.Recorder wrote, or "
            "adfast.histories.create"
        ) from None
    if not isinstance(store.schema, TransitionSchema) or not store.num_transitions:
        raise InvalidArgument(
            f"histories.path must be a store of transitions, got {store}; record some first"
        )
    return store


def make_environment_tasks(environment: EnvironmentConfig, store: HistoryStore) -> EnvironmentTasks:
    """The tasks of a run: those of `environment.train`, for validation, and the held-out ones."""
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.tasks.transition_schema import TransitionSchema

    assert isinstance(store.schema, TransitionSchema), "as open_recorded has seen to"
    return EnvironmentTasks(
        environment.id,
        environment.arguments,
        store.schema,
        store.description.get("recorded"),
    )


def environment_split(environment: EnvironmentConfig) -> TaskSplit:
    """The ids of the three kinds of tasks."""
    from adfast.tasks.task_split import TaskSplit

    ids = np.arange(len(environment.arguments))
    first = len(environment.train)
    return TaskSplit(*np.split(ids, [first, first + len(environment.validation)]))


def require_validation(split: TaskSplit, setting: str) -> None:
    """Raise `InvalidArgument` for a `setting` that is about validation tasks, where none is."""
    if not len(split.validation):
        raise InvalidArgument(
            f"{setting} needs validation tasks, and environment.validation has none; give some "
            "there, or leave that setting at its default"
        )


def describe_environment(
    environment: EnvironmentConfig, schema: TransitionSchema
) -> dict[str, Any]:
    """What `evaluation.json` says of the tasks, by which they are labelled again."""
    return {
        "id": environment.id,
        "arguments": list(environment.arguments),
        "transition_schema": schema.to_dict(),
    }


def require_trained_on(store: HistoryStore, trained: object) -> None:
    """Raise `RunError` unless `store` is that of the identity `trained` on."""
    if trained != store.identity:
        raise RunError(
            f"{store.path} holds other histories than the model was trained on ({store.identity}, "
            f"and then {trained}); restore it, or train anew with --fresh (in Python fresh=True)"
        )
