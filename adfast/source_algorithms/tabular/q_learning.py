"""Tabular Q-learning with epsilon-greedy actions and random tie-breaking.

Source: Watkins & Dayan 1992. Twin: `tests/reference/q_learning.py`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from numba import uint64
from numba.extending import register_jitable

from adfast.source_algorithms.loops.greedy_choice import (
    epsilon_greedy,
    greedy_chances,
    table_of_values,
)
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.source_algorithms.tabular.action_values import ActionValueLearner
from adfast.tasks.family import TaskFamily


class QLearning(ActionValueLearner):
    """Q-learning over what it reads; epsilon falls linearly over the first `epsilon_episodes`.

    An `initial_value` above what the family pays makes the learner optimistic: it explores by
    disappointment. The time limit of an episode is no end of the task: values bootstrap through it.
    """

    name: ClassVar[str] = "q-learning"

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """The action values of input s are `memory[s * A : (s + 1) * A]`."""
        return rules_of_table(family.num_actions)._replace(
            memory_size=num_inputs * family.num_actions
        )


@cache
def rules_of_table(num_actions: int) -> LearningRules:
    """The rules of all families with so many actions, but for the size of the memory."""
    greatest, value, best_value = table_of_values(num_actions)

    @register_jitable
    def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
        memory[:] = parameters[2]

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
    chances = greedy_chances(num_actions, value, best_value)
    return LearningRules(0, begin, choose, update, chances=chances)
