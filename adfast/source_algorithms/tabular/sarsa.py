"""Tabular SARSA with epsilon-greedy actions and random tie-breaking.

Source: Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4. Twin: `tests/reference/sarsa.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba import uint64
from numba.extending import register_jitable

from adfast.source_algorithms.loops.greedy_choice import epsilon_greedy, table_of_values
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.source_algorithms.tabular.action_values import ActionValueLearner
from adfast.tasks.family import TaskFamily

NOTHING = -1.0  # is waiting


class Sarsa(ActionValueLearner):
    """SARSA over what it reads: values of the policy that acts, its random actions included.

    A transition is learned from when the next action has been chosen. The time limit of an episode
    is no end of the task, though no action follows: in its place stands what the policy, at the
    next episode's epsilon, would be expected to reach (expected SARSA).
    """

    name: ClassVar[str] = "sarsa"

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """The action values of input s are `memory[s * A : (s + 1) * A]`.

        Behind them stands what is waiting: the place of its value, its reward, and its next input.
        """
        num_actions = family.num_actions
        num_values = num_inputs * num_actions
        greatest, value, best_value = table_of_values(num_actions)
        pick = epsilon_greedy(num_actions, value, best_value)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            memory[:] = parameters[2]
            memory[uint64(num_values)] = NOTHING

        @register_jitable
        def expected(memory: Any, first: Any, exploration: Any) -> Any:
            total = 0.0
            for a in range(uint64(num_actions)):
                total += memory[first + a]
            best = greatest(memory, first)
            return best + exploration * (total / num_actions - best)

        @register_jitable
        def learn(memory: Any, parameters: Any, place: Any, target: Any) -> None:
            memory[place] += parameters[0] * (target - memory[place])

        @register_jitable
        def choose(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            key: Any,
        ) -> Any:
            waiting, reward = memory[uint64(num_values)], memory[uint64(num_values + 1)]
            action = pick(memory, parameters, task, state, seen, episode_step, exploration, key)
            if waiting != NOTHING:
                if episode_step > uint64(0):
                    future = memory[seen * uint64(num_actions) + action]
                else:
                    first = uint64(memory[uint64(num_values + 2)]) * uint64(num_actions)
                    future = expected(memory, first, exploration)
                learn(memory, parameters, uint64(waiting), reward + parameters[1] * future)
            memory[uint64(num_values)] = NOTHING
            return action

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
            place = seen * uint64(num_actions) + action
            if terminated:
                learn(memory, parameters, place, reward)
            else:
                memory[uint64(num_values)] = place
                memory[uint64(num_values + 1)] = reward
                memory[uint64(num_values + 2)] = seen_next

        return LearningRules(num_values + 3, begin, choose, update)
