"""EnvironmentTasks: tasks that are Gymnasium environments, one for each set of keyword arguments.

Agents act in them as in the tasks of a family, so that what was distilled from recorded histories
is evaluated where it was recorded, and in tasks that nobody recorded.

Axes: N environments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from adfast.errors import InvalidArgument, shown
from adfast.packages import require
from adfast.random_streams import ENVIRONMENT_SEED, stream_keys
from adfast.tasks.task_set import TaskSet
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import require_kind

if TYPE_CHECKING:
    import gymnasium

    from adfast.simulators import StepResult

MAX_ENVIRONMENT_SEED = 2**31  # what every generator that an environment may use can be seeded with


class EnvironmentTasks(TaskSet):
    """Task i is the Gymnasium environment `environment_id`, made with the arguments `arguments[i]`.

    `schema` is that of the histories that agents were trained on (`store.schema`), and `recorded`
    what their store says of the numbers in them (`store.description.get("recorded")`); environments
    must have the same spaces. Episodes end after `schema.episode_length` steps, where they do not
    by themselves.
    """

    def __init__(
        self,
        environment_id: str,
        arguments: Sequence[Mapping[str, Any]],
        schema: TransitionSchema,
        recorded: Mapping[str, Any] | None = None,
    ) -> None:
        require_kind("environment_id", environment_id, str, "the id of a Gymnasium environment")
        require_kind("schema", schema, TransitionSchema, "the schema of a store of transitions")
        require_kind("arguments", arguments, Sequence, "keyword arguments for each task")
        for number, keywords in enumerate(arguments):
            require_kind(f"arguments[{number}]", keywords, Mapping, "keyword arguments by name")
        if not len(arguments):
            raise InvalidArgument("arguments must be those of at least one task, got none")
        self.environment_id = environment_id
        self.arguments = tuple(dict(keywords) for keywords in arguments)
        self.schema = schema.unlabelled
        self.recorded = None if recorded is None else dict(recorded)

    def __repr__(self) -> str:
        return f"<EnvironmentTasks: {self.num_tasks} of {self.name}; {self.schema}>"

    @property
    def name(self) -> str:
        """The environment's id."""
        return self.environment_id

    @property
    def num_tasks(self) -> int:
        """As many as there are sets of arguments."""
        return len(self.arguments)

    @property
    def transition_schema(self) -> TransitionSchema:
        """That of the histories."""
        return self.schema

    def task_label(self, task_id: int) -> str:
        """The task's keyword arguments."""
        keywords = self.arguments[task_id]
        named = [f"{name} = {shown(value)}" for name, value in keywords.items()]
        return ", ".join(named) or f"task {task_id}"

    def make(self, task_id: int) -> gymnasium.Env:
        """The environment of one task.

        Raises `InvalidArgument` where Gymnasium knows no such environment, it does not take the
        arguments, or its spaces are not those of the histories.
        """
        require("gymnasium")
        import gymnasium

        keywords = self.arguments[task_id]
        try:
            environment = gymnasium.make(self.name, disable_env_checker=True, **keywords)
        except (gymnasium.error.Error, ImportError, TypeError, ValueError) as error:
            raise InvalidArgument(
                f"{self.name} cannot be made with {shown(keywords)}: {error}; give an id that "
                'Gymnasium knows, "module:Name-v0" where module registers it, and arguments that '
                "it takes"
            ) from error
        limited = gymnasium.wrappers.TimeLimit(environment, self.schema.episode_length)
        try:
            self._require_alike(limited)
        except InvalidArgument:
            limited.close()
            raise
        return limited

    def begin(self, task_ids: np.ndarray, seed: int, random_streams: np.ndarray) -> Environments:
        """Environments of `task_ids` `[N]`; what happens in n is keyed by `random_streams[n]`."""
        return Environments(self, task_ids, environment_seeds(seed, random_streams))

    def _require_alike(self, environment: gymnasium.Env) -> None:
        """Raise `InvalidArgument` unless `environment` has the spaces of the histories."""
        from adfast.simulators.space_encoding import SpaceEncoding

        encoding = SpaceEncoding(environment.observation_space, environment.action_space)
        has = (encoding.observation, encoding.num_actions)
        wanted = (self.schema.observation, self.schema.num_actions)
        is_alike = self.recorded is None or encoding.describe() == self.recorded
        if has != wanted or not is_alike:
            raise InvalidArgument(
                f"the histories are of {self.schema} ({self.recorded or 'numbers from 0'}), but "
                f"{self.name} has {environment.observation_space} and {environment.action_space}; "
                "give the environment that they were recorded in, with all its wrappers: an id may "
                "be registered for a function that makes both"
            )


class Environments:
    """Environments that act side by side, each keyed by a seed of its own from its first reset."""

    def __init__(self, tasks: EnvironmentTasks, task_ids: np.ndarray, seeds: np.ndarray) -> None:
        require("gymnasium")
        from gymnasium.vector import AutoresetMode, SyncVectorEnv

        from adfast.evaluation.environments.environment_loops import VectorLoop

        self._vector = SyncVectorEnv(
            [partial(tasks.make, int(task_id)) for task_id in task_ids],
            observation_mode="different",
            autoreset_mode=AutoresetMode.DISABLED,
        )
        self._loop = VectorLoop(self._vector)
        self._seeds = seeds.tolist()
        self._all = np.ones(len(task_ids), bool)

    def reset(self) -> np.ndarray:
        """The first observations, as histories keep them."""
        return self._loop.reset(self._seeds)

    def step(self, actions: np.ndarray) -> StepResult:
        """One step everywhere; episodes that end are followed by the next."""
        return self._loop.step(self._loop.encoding.decode_actions(actions), self._all)

    def close(self) -> None:
        """Close all of them."""
        self._vector.close()


def environment_seeds(seed: int, random_streams: np.ndarray) -> np.ndarray:
    """int64 `[N]`: what the environments of `random_streams` are seeded with."""
    offset, _ = stream_keys(seed, ENVIRONMENT_SEED, random_streams)
    return offset.astype(np.int64) % MAX_ENVIRONMENT_SEED
