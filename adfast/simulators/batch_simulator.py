"""BatchSimulator: many environments of one family, stepped together by compiled loops.

Environment e draws from random stream `random_streams[e]` alone, so what happens in it depends
neither on the batch beside it nor on its place. Twin: `tests/reference/dark_room.py`.

Legend: E environments, C observation components.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np
from numba.core.errors import NumbaError

from adfast.errors import InvalidArgument
from adfast.random_streams import as_streams
from adfast.simulators.broken_schema import explain_reset, explain_step
from adfast.simulators.step_loops import (
    BROKEN,
    BROKEN_BY_RESET,
    BROKEN_BY_STEP,
    KEPT_SCHEMA,
    EnvironmentArrays,
    compile_step_loops,
    narrow_actions,
)
from adfast.tasks.checked_calls import uncompilable
from adfast.tasks.family import TaskFamily
from adfast.values import INTEGERS, as_array, as_flag, as_mask, as_seed, require_kind


class StepResult(NamedTuple):
    """What came of one step in every environment.

    `observation [E, C]` is what to act on next (after an automatic reset, if there was one),
    `final_observation [E, C]` what the step itself led to; `reward [E]` has the schema's dtype
    (float64 of Gymnasium's environments); `terminated` and `truncated` are bool [E] and of a family
    never both true.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray


class BatchSimulator:
    """Environments of `family`, one for each of `task_ids`.

    With `auto_reset` (the default) an episode that ends is followed by the next within the same
    step; without it, the caller resets ended environments before stepping on. Returned arrays are
    the caller's own; with `copy=False` they are buffers that the next call overwrites.
    `random_streams` defaults to 0 .. E - 1.
    """

    def __init__(
        self,
        family: TaskFamily,
        task_ids: Any,
        seed: int = 0,
        *,
        random_streams: Any = None,
        auto_reset: bool = True,
        copy: bool = True,
    ) -> None:
        require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
        self.family = family
        self.task_ids = family.check_task_ids(task_ids)
        self.num_environments = len(self.task_ids)
        schema = family.transition_schema
        self.num_actions = schema.num_actions
        self._observation_shape = (self.num_environments, *schema.observation.stored.shape)
        self._observation_dtype = schema.observation.stored.dtype
        self._reward_dtype = np.dtype(schema.reward_dtype)
        self.auto_reset = as_flag("auto_reset", auto_reset)
        self.copy = as_flag("copy", copy)
        streams = np.arange(self.num_environments) if random_streams is None else random_streams
        streams = as_streams("random_streams", streams)
        if streams.shape != self.task_ids.shape:
            raise InvalidArgument(
                f"random_streams must have one entry for each of the {self.num_environments} "
                f"task_ids, got shape {streams.shape}"
            )
        self.seed = as_seed("seed", seed)
        self._environments = EnvironmentArrays.allocate(family, self.task_ids)
        self._environments.set_streams(seed, streams, ...)
        self._loops = compile_step_loops(family)
        self._actions = np.empty(self.num_environments, np.uint8)
        self._result = self._new_result()
        # Environments that a step may not touch: all before the first reset, and, without
        # auto_reset, those whose episode has ended.
        self._waiting = np.ones(self.num_environments, np.bool_)
        self._any_waiting = self.num_environments > 0

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along: everything but compiled code."""
        return {name: value for name, value in self.__dict__.items() if name != "_loops"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._loops = compile_step_loops(self.family)

    def reset(self, mask: Any = None) -> np.ndarray:
        """Start a new episode in all environments, or in those of `mask` (bool [E]).

        Returns the observation `[E, C]` of all environments.
        """
        if mask is None:
            mask = np.ones(self.num_environments, np.bool_)
        mask = as_mask("reset mask", mask, self.num_environments)
        self._waiting &= ~mask
        self._any_waiting = bool(self._waiting.any())
        observation = self._new_observation() if self.copy else self._result.observation
        self._reset_some(mask, observation)
        return observation

    def reseed(self, random_streams: Any, mask: np.ndarray) -> None:
        """Give the environments of `mask` (bool [E]) new `random_streams`, from their beginning.

        These environments then wait for a reset. Raises `InvalidArgument`, and changes nothing,
        unless there is one stream for each of them.
        """
        mask = as_mask("reseed mask", mask, self.num_environments)
        streams = as_streams("random_streams", random_streams)
        if streams.shape != (int(mask.sum()),):
            raise InvalidArgument(
                f"random_streams must have one entry for each of the {int(mask.sum())} "
                f"environments of the mask, got shape {streams.shape}"
            )
        self._environments.set_streams(self.seed, streams, mask)
        self._waiting |= mask
        self._any_waiting = bool(self._waiting.any())

    def step(self, actions: Any, mask: Any = None) -> StepResult:
        """Take one step in every environment; `actions [E]` of any integer dtype.

        Environments outside `mask` (bool [E]) stand still: they are observed as they are, earn 0
        and end nothing.

        Raises `InvalidArgument`, and changes nothing, for actions of another kind, shape or range,
        and where an environment that is to step waits for a reset. Where the family leaves its
        schema, it says where, and every environment then waits for a reset.
        """
        if mask is not None:
            mask = as_mask("step mask", mask, self.num_environments)
        self._check_and_narrow(as_array("actions", actions, INTEGERS))
        if mask is not None and not mask.all():
            return self._step_some(mask)
        if self._any_waiting:
            self._refuse_waiting(self._waiting)
        result = self._new_result() if self.copy else self._result
        self._step_all(self._environments, self.task_ids, self._actions, result)
        if not self.auto_reset:
            np.logical_or(result.terminated, result.truncated, out=self._waiting)
            self._any_waiting = bool(self._waiting.any())
        return result

    def _step_some(self, mask: np.ndarray) -> StepResult:
        """`step` in the environments of `mask` alone, as a batch of their own."""
        if (self._waiting & mask).any():
            self._refuse_waiting(self._waiting & mask)
        moving = np.flatnonzero(mask)
        part = EnvironmentArrays(*(array.take(moving, axis=-1) for array in self._environments))
        stepped = self._new_result(len(moving))
        self._step_all(part, self.task_ids[moving], self._actions[moving], stepped)
        for array, values in zip(self._environments.changing, part.changing, strict=True):
            array[..., moving] = values
        result = self._new_result() if self.copy else self._result
        self._reset_some(np.zeros(self.num_environments, np.bool_), result.observation)
        result.final_observation[...] = result.observation
        result.final_observation[moving] = stepped.final_observation
        for name in ("reward", "terminated", "truncated"):
            values = getattr(result, name)
            values[...] = 0
            values[moving] = getattr(stepped, name)
        if not self.auto_reset:
            self._waiting[moving] = stepped.terminated | stepped.truncated
            self._any_waiting = bool(self._waiting.any())
        return result

    def _step_all(
        self,
        environments: EnvironmentArrays,
        task_ids: np.ndarray,
        actions: np.ndarray,
        result: StepResult,
    ) -> None:
        """Fill `result` by one step; where the family leaves its schema, all wait for a reset."""
        terminated = result.terminated.view(np.uint8)
        try:
            broken_by = self._loops.step_all(
                *environments,
                actions,
                self.auto_reset,
                result.observation.reshape(-1),
                result.reward,
                terminated,
                result.truncated.view(np.uint8),
                result.final_observation.reshape(-1),
            )
        except NumbaError as error:
            raise uncompilable(self.family, error) from error
        if broken_by == BROKEN_BY_STEP:
            self._wait_everywhere()
            broken = terminated == BROKEN
            terminated[broken] = 0  # no byte of a boolean array may be 2
            explain_step(self.family, task_ids, environments, actions, int(broken.argmax()))
        if broken_by == BROKEN_BY_RESET:
            self._wait_everywhere()
            explain_reset(self.family, task_ids, environments)

    def _reset_some(self, mask: np.ndarray, observation: np.ndarray) -> None:
        """Reset where `mask` is and observe all; where that leaves the schema, all wait again."""
        try:
            broken_by = self._loops.reset_some(
                *self._environments, mask.view(np.uint8), observation.reshape(-1)
            )
        except NumbaError as error:
            raise uncompilable(self.family, error) from error
        if broken_by != KEPT_SCHEMA:
            self._wait_everywhere()
            explain_reset(self.family, self.task_ids, self._environments)

    def _wait_everywhere(self) -> None:
        """Have every environment wait for a reset."""
        self._waiting[:] = True
        self._any_waiting = True

    def _refuse_waiting(self, waiting: np.ndarray) -> NoReturn:
        """Raise `InvalidArgument` for the environments that were to step and cannot."""
        raise InvalidArgument(
            f"step needs every environment reset, but {int(waiting.sum())} of "
            f"{self.num_environments} wait for it (first: {int(waiting.argmax())}); "
            "call reset(), or reset(mask) with the ended ones"
        )

    def _check_and_narrow(self, actions: np.ndarray) -> None:
        """Copy `actions` to `self._actions`; raises `InvalidArgument`."""
        if actions.shape != (self.num_environments,):
            raise InvalidArgument(
                f"actions must have shape ({self.num_environments},), one for each environment, "
                f"got {actions.shape}"
            )
        if not narrow_actions(np.ascontiguousarray(actions), self.num_actions, self._actions):
            wrong = int(np.argmax((actions < 0) | (actions >= self.num_actions)))
            raise InvalidArgument(
                f"actions of {self.family.name} must be in 0..{self.num_actions - 1}, "
                f"got {actions[wrong]} in environment {wrong}"
            )

    def _new_observation(self) -> np.ndarray:
        return np.empty(self._observation_shape, self._observation_dtype)

    def _new_result(self, count: int | None = None) -> StepResult:
        count = self.num_environments if count is None else count
        shape = (count, *self._observation_shape[1:])
        return StepResult(
            observation=np.empty(shape, self._observation_dtype),
            reward=np.empty(count, self._reward_dtype),
            terminated=np.empty(count, np.bool_),
            truncated=np.empty(count, np.bool_),
            final_observation=np.empty(shape, self._observation_dtype),
        )
