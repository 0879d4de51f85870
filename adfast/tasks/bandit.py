"""Bernoulli bandits: arms that pay 1 with an unknown probability each, and nothing else to see.

The task is the arms' probabilities. They are independent and uniform (`means = "uniform"`), or
adversarial: the best arm is an odd one with probability `bias` (`"odd"`), or an even one
(`"even"`), so that who is trained on the one and acts in the other is misled by what it expects.
All three are the same bandits: in bandit 7 the best arm changes places with another one, drawn from
the arms of the kind that was drawn.

An episode is one pull, by default, and a history of 100 episodes is a trial of 100 pulls: so the
return by episode is the learner's progress, and thinning keeps every k-th pull. With
`episode_length = 100` the trial is one episode, of the same pulls and rewards, and each pull knows
its number. Everything is a pure function of the bandit's number. Twin:
`tests/reference/bandit.py`.

Source: Laskin et al. 2022, arXiv 2210.14215 (adversarial bandit).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numba import int32, uint32
from numba.extending import register_jitable
from pydantic import Field

from adfast.random_draws import step_key
from adfast.random_streams import TASK_CONTENT, keys_at, stream_keys
from adfast.tasks.family import EpisodeLength, TaskFamily
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema

MAX_ARMS = 255  # that a schema has actions for
MAX_BANDITS = 2**24
# Steps of a bandit's stream: number a says how often arm a pays, then whether the best arm is to be
# of the favoured kind, and which arm it changes places with.
KIND_STEP, PLACE_STEP = 256, 257


@register_jitable
def limit_of(task: Any, action: Any) -> Any:
    """uint32: below which key an arm pays."""
    arm = int32(action)
    drawn = task[3] if arm == task[2] else (task[2] if arm == task[3] else arm)
    return step_key(uint32(task[0]), uint32(task[1]), uint32(drawn))


class Bandit(TaskFamily):
    """Find the arm that pays most often; task id = number of the bandit.

    How often its arms pay does not depend on how many other bandits, or further arms, there are.
    """

    name: ClassVar[str] = "bandit"

    arms: int = Field(10, ge=2, le=MAX_ARMS)
    """Arms, each an action; they are counted from 0."""

    means: Literal["uniform", "odd", "even"] = "uniform"
    """Where the best arm is: anywhere, or most often at an odd or at an even number."""

    bias: float = Field(0.95, ge=0, le=1)
    """Probability that the best arm is of the kind that `means` names, where it names one."""

    bandits: int = Field(16384, ge=1, le=MAX_BANDITS)
    """Number of tasks."""

    episode_length: EpisodeLength = 1
    """Pulls of an episode."""

    @property
    def num_tasks(self) -> int:
        """Number of bandits."""
        return self.bandits

    @property
    def has_random_steps(self) -> bool:
        """An arm pays at random."""
        return True

    @property
    def transition_schema(self) -> TransitionSchema:
        """One observation that is always the same, an action for each arm, rewards 0 or 1."""
        return TransitionSchema(DiscreteObservation((1,)), self.arms, self.episode_length, "uint8")

    @property
    def task_size(self) -> int:
        """The offset and the mask of the bandit's stream, and the two arms that change places."""
        return 4

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """There is one state."""
        return (1,)

    @property
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            return (int32(0),)

        return reset

    @property
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            return (int32(0),), int32(uint32(key) < limit_of(task, action)), int32(0)

        return step

    @property
    def expected_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action) -> (state, how often it pays, terminated)`."""

        @register_jitable
        def expected_step(task: Any, state: Any, action: Any) -> Any:
            return (int32(0),), limit_of(task, action) * 2.0**-32, int32(0)

        return expected_step

    @property
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (0,)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state

        return observe

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 4]`: the words of the bandits' streams, and the arms that change places."""
        words = np.stack(stream_keys(0, TASK_CONTENT, self.check_task_ids(task_ids)), axis=1)
        exchanged = np.zeros((len(words), 2), np.int32)
        if self.means != "uniform":
            exchanged[:, 0] = self._limits(words).argmax(axis=1)
            exchanged[:, 1] = self._places(words)
        return np.concatenate((words.view(np.int32), exchanged), axis=1)

    def arm_means(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N, arms]`: the probability that each arm pays."""
        parameters = self.task_parameters(task_ids)
        limits = self._limits(parameters[:, :2].view(np.uint32))
        rows, (first, second) = np.arange(len(limits)), parameters[:, 2:].T
        limits[rows, first], limits[rows, second] = limits[rows, second], limits[rows, first]
        return limits * 2.0**-32

    def _limits(self, words: np.ndarray) -> np.ndarray:
        """uint32 `[N, arms]`: below which key each arm pays, before two of them change places."""
        offsets, masks = words.T[:, :, None]
        return keys_at(offsets, masks, np.arange(self.arms, dtype=np.uint32))

    def _places(self, words: np.ndarray) -> np.ndarray:
        """int32 `[N]`: the arm that the best one of each bandit changes places with."""
        offsets, masks = words.T
        kind, place = (
            keys_at(offsets, masks, np.full(len(words), step)).astype(np.uint64)
            for step in (KIND_STEP, PLACE_STEP)
        )
        is_odd = (kind * 2.0**-32 < self.bias) == (self.means == "odd")
        arms_of_kind = np.where(is_odd, self.arms // 2, (self.arms + 1) // 2).astype(np.uint64)
        drawn = (place * arms_of_kind >> np.uint64(32)).astype(np.int32)
        return np.asarray(2 * drawn + is_odd, np.int32)

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: that of the best arm."""
        best = self.arm_means(task_ids).max(axis=1)
        return np.asarray(best * self.episode_length, np.float64)

    def task_label(self, task_id: int) -> str:
        """The bandit's number and its best arm."""
        best = int(self.arm_means(np.array([task_id])).argmax())
        return f"bandit {task_id}, best arm {best}"

    def action_label(self, action: int) -> str:
        """The arm."""
        return f"arm {action}"
