"""Tabular Q-learning with epsilon-greedy actions and random tie-breaking.

Source: Watkins & Dayan 1992. Twin: `tests/reference/q_learning.py`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numba import uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.config import Count
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.greedy_choice import epsilon_greedy
from adfast.source_algorithms.history_loop import LearningRules
from adfast.tasks.family import TaskFamily


class QLearning(CompiledAlgorithm):
    """Q-learning over the observations; epsilon falls linearly over the first `epsilon_episodes`.

    An `initial_value` above what the family pays makes the learner optimistic: it explores by
    disappointment. The time limit of an episode is no end of the task: values bootstrap through it.
    """

    name: ClassVar[str] = "q-learning"

    learning_rate: float = Field(0.5, gt=0, le=1)
    """Share of its error by which an action value is mended."""

    discount: float = Field(0.95, ge=0, le=1)
    """What a reward one step later is worth."""

    epsilon_start: float = Field(0.3, ge=0, le=1)
    """Probability of a random action in the first episode."""

    epsilon_end: float = Field(0.0, ge=0, le=1)
    """Probability of a random action from episode `epsilon_episodes` on."""

    epsilon_episodes: Count = 200
    """Episodes over which that probability changes, linearly."""

    initial_value: float = 1.0
    """Of every action before it was tried; above what the family pays, it makes for exploring."""

    def parameters(self) -> tuple[float, ...]:
        """Learning rate, discount and initial value."""
        return self.learning_rate, self.discount, self.initial_value

    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: epsilon."""
        progress = np.minimum(np.arange(episodes) / self.epsilon_episodes, 1.0)
        epsilon = self.epsilon_start + (self.epsilon_end - self.epsilon_start) * progress
        return np.asarray(epsilon, np.float64)

    @staticmethod
    def rules(family: TaskFamily) -> LearningRules:
        """The action values of observation s are `memory[s * A : (s + 1) * A]`."""
        num_actions = family.num_actions
        sizes = family.observation_sizes
        memory_size = math.prod(sizes) * num_actions

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            memory[:] = parameters[2]

        @register_jitable
        def greatest(memory: Any, first: Any) -> Any:
            best = memory[first]
            for a in range(uint64(1), uint64(num_actions)):
                best = max(best, memory[first + a])
            return best

        @register_jitable
        def value(
            memory: Any, task: Any, state: Any, seen: Any, episode_step: Any, action: Any
        ) -> Any:
            return memory[seen * uint64(num_actions) + action]

        @register_jitable
        def best_value(memory: Any, task: Any, state: Any, seen: Any, episode_step: Any) -> Any:
            return greatest(memory, seen * uint64(num_actions))

        @register_jitable
        def update(
            memory: Any,
            parameters: Any,
            seen: Any,
            action: Any,
            reward: Any,
            seen_next: Any,
            terminated: Any,
        ) -> Any:
            learning_rate, discount, _ = parameters
            future = greatest(memory, seen_next * uint64(num_actions))
            target = reward + (0.0 if terminated else discount * future)
            place = seen * uint64(num_actions) + action
            memory[place] += learning_rate * (target - memory[place])

        choose = epsilon_greedy(num_actions, value, best_value)
        return LearningRules(memory_size, begin, choose, update)
