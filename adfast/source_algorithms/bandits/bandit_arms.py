"""What learners of bandits keep of each arm, and which families they fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64
from numba.extending import register_jitable

from adfast.errors import InvalidArgument
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.family import TaskFamily


class BanditLearner(CompiledAlgorithm):
    """A learner to whom all pulls of an arm are alike, whatever was done in between."""

    def exploration(self, episodes: int) -> np.ndarray:
        """Zeros `[episodes]`: how it explores is its own."""
        return np.zeros(episodes)


def check_arms(family: TaskFamily, num_observations: int, learner: str) -> None:
    """Raise `InvalidArgument` unless the family has one observation, and pays 0 or 1, or more."""
    if num_observations != 1:
        raise InvalidArgument(
            f"{learner} learns of arms alone and fits families with one observation, but "
            f"{family.name} has {num_observations:,}; use q-learning, or the family bandit"
        )
    if family.transition_schema.reward_dtype != "uint8":
        raise InvalidArgument(
            f"{learner} learns how often an arm pays, so reward_dtype must be uint8, but that of "
            f"{family.name} is {family.transition_schema.reward_dtype}; use q-learning"
        )


def arm_rules(num_actions: int, choose: Any) -> LearningRules:
    """`choose` over a memory that begins with the number of pulls of each arm, and how many paid.

    The third stretch of it, again one value for each arm, is the learner's own.
    """

    @register_jitable
    def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
        memory[:] = 0.0

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
        memory[action] += 1.0
        memory[uint64(num_actions) + action] += 1.0 if reward > 0 else 0.0

    return LearningRules(3 * num_actions, begin, choose, update)
