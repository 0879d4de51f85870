"""Random worlds: small Markov decision processes without any plan that could be known beforehand.

A task is a world of its own: where each action leads from each state, and which state pays when it
is entered. Of the `branching` states that an action leads to, the first is entered with probability
1 - `slip`, the others share the rest. One state of each world, its goal, always pays 1; others do
with probability `reward_density` each.

The observation is the number of the state, and numbers mean nothing: successors, goal and start are
drawn over all states alike, so that a world is as likely as it is under any permutation of its
states' numbers. So nothing can be known of a world before one has acted in it.

No table is stored, however many states there are: the successors of state s by action a are draws
of the world's stream, which each step makes again. Twin: `tests/reference/random_world.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numba import int32, uint32
from numba.extending import register_jitable
from pydantic import Field, model_validator

from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, step_key
from adfast.random_streams import TASK_CONTENT, keys_at, stream_keys
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes, equally_likely
from adfast.tasks.compiled.planning import planned_returns
from adfast.tasks.family import EpisodeLength, TaskFamily
from adfast.tasks.observation import MAX_SIZE, DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema

MAX_WORLDS = 2**24
MAX_BRANCHING = 16
MAX_SUCCESSORS = 2**22  # of one world
# Steps of a world's stream: (s * actions + a) * branching + b is the successor of state s by action
# a in branch b; further on, whether state s pays, and which states are the goal and the start.
PAYS_STEP, GOAL_STEP, START_STEP = 2**31, 2**32 - 1, 2**32 - 2


class RandomWorld(TaskFamily):
    """Find a way to what pays in an unknown world; task id = number of the world.

    A world does not depend on how many others there are.
    """

    name: ClassVar[str] = "random-world"

    states: int = Field(16, ge=2, le=MAX_SIZE)
    """States of a world, each with an observation of its own."""

    actions: int = Field(5, ge=1, le=255)
    """Actions in every state."""

    branching: int = Field(3, ge=1, le=MAX_BRANCHING)
    """States that an action may lead to from a state, some of which may be the same; 1: one for
    sure."""

    slip: float = Field(0.25, ge=0, le=1)
    """Probability that an action leads to one of its further states, each as often, where
    `branching` gives it any."""

    reward_density: float = Field(0.0, ge=0, le=1)
    """Probability that a state other than the goal pays, too."""

    start: Literal["fixed", "random"] = "fixed"
    """Where episodes begin: in a state of the world's own, other than the goal, or in any."""

    episode_length: EpisodeLength = 20
    """Steps of an episode."""

    worlds: int = Field(16384, ge=1, le=MAX_WORLDS)
    """Number of tasks."""

    @model_validator(mode="after")
    def _successors_can_be_drawn(self) -> Self:
        successors = self.states * self.actions * self.branching
        if successors > MAX_SUCCESSORS:
            raise InvalidArgument(
                f"states x actions x branching must be at most {MAX_SUCCESSORS:,}, got "
                f"{self.states:,} x {self.actions} x {self.branching}; lower one of them"
            )
        return self

    @property
    def num_tasks(self) -> int:
        """Number of worlds."""
        return self.worlds

    @property
    def has_random_steps(self) -> bool:
        """Where an action may lead to several states."""
        return self.branching > 1 and self.slip > 0

    @property
    def transition_schema(self) -> TransitionSchema:
        """The state's number as observation, rewards 0 or 1."""
        observation = DiscreteObservation((self.states,))
        return TransitionSchema(observation, self.actions, self.episode_length, "uint8")

    @property
    def task_size(self) -> int:
        """The offset and the mask of the world's stream, its goal and its start."""
        return 4

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The state's number."""
        return (self.states,)

    @property
    def branch_limits(self) -> tuple[int, ...]:
        """The least key of a step that leads to branch 1, 2, .. of an action; below them all, 0."""
        if not self.has_random_steps:
            return ()
        further = self.branching - 1
        limits = [(1 - self.slip) + self.slip * b / further for b in range(further)]
        return tuple(round(limit * 2**32) for limit in limits)

    @property
    def outcomes(self) -> Outcomes:
        """The least key of each branch, and the branch's probability."""
        limits = (0, *self.branch_limits, 2**32)
        return tuple((low, (high - low) * 2.0**-32) for low, high in pairwise(limits) if low < high)

    @property
    def starts(self) -> Outcomes:
        """Where episodes begin anywhere, a key for each state."""
        if self.start == "fixed":
            return CERTAIN
        return equally_likely(self.states, lambda keys: bounded(keys, self.states))

    @property
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        states = self.states
        if self.start == "random":

            @register_jitable
            def reset(task: Any, episode: Any, key: Any) -> Any:
                return (int32(bounded(key, states)),)

            return reset

        @register_jitable
        def reset_to_start(task: Any, episode: Any, key: Any) -> Any:
            return (int32(task[3]),)

        return reset_to_start

    @property
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        states, actions, branching = self.states, self.actions, self.branching
        branch_of = count_reached(self.branch_limits)
        pays = self._pays()

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            row = uint32(uint32(uint32(state[0]) * uint32(actions)) + uint32(action))
            place = uint32(uint32(row * uint32(branching)) + branch_of(uint32(key)))
            word = step_key(uint32(task[0]), uint32(task[1]), place)
            entered = int32(bounded(word, states))
            return (entered,), pays(task, entered), int32(0)

        return step

    def _pays(self) -> Callable[..., Any]:
        """The function `(task, state) -> reward` for entering the state."""
        if self.reward_density == 0:

            @register_jitable
            def goal_pays(task: Any, state: Any) -> Any:
                return int32(state == task[2])

            return goal_pays

        most = round(self.reward_density * 2**32) - 1

        @register_jitable
        def some_pay(task: Any, state: Any) -> Any:
            place = uint32(uint32(state) + uint32(PAYS_STEP))
            word = step_key(uint32(task[0]), uint32(task[1]), place)
            return int32((state == task[2]) | (word <= uint32(most)))

        return some_pay

    @property
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (number of the state,)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state

        return observe

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 4]`: the words of the worlds' streams, their goals and starts."""
        words = stream_keys(0, TASK_CONTENT, self.check_task_ids(task_ids))
        goal, behind = (
            (keys_at(*words, np.full(len(words[0]), step)) * np.uint64(size)) >> np.uint64(32)
            for step, size in ((GOAL_STEP, self.states), (START_STEP, self.states - 1))
        )
        start = (goal + behind + np.uint64(1)) % np.uint64(self.states)
        return np.stack((*(word.view(np.int32) for word in words), goal, start), 1).astype(np.int32)

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: by value iteration."""
        return planned_returns(self, task_ids)

    def task_label(self, task_id: int) -> str:
        """The world's number and its goal."""
        goal = int(self.task_parameters(np.array([task_id]))[0, 2])
        return f"world {task_id}, goal {goal}"


def count_reached(limits: tuple[int, ...]) -> Callable[..., Any]:
    """The function `key -> uint32`: how many of the rising `limits` are at most the key."""
    if not limits:

        @register_jitable
        def none(key: Any) -> Any:
            return uint32(0)

        return none

    limit = min(limits[-1], 2**32 - 1)
    count_before = count_reached(limits[:-1])

    @register_jitable
    def count(key: Any) -> Any:
        return uint32(count_before(key) + uint32(key >= uint32(limit)))

    return count
