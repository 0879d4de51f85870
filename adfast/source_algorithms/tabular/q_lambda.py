"""Tabular Q(lambda): learns from whole episodes, backwards, and keeps at what it tries.

Source: Peng & Williams 1996 (lambda-returns of Q-learning, not cut at random actions); Dabney et
al. 2021, arXiv 2006.01782 (random actions that are kept). Twin: `tests/reference/q_lambda.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba import uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.config import Count
from adfast.random_draws import bounded, subkey, uniform
from adfast.source_algorithms.loops.greedy_choice import epsilon_greedy, table_of_values
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.source_algorithms.tabular.action_values import ActionValueLearner, Share
from adfast.tasks.family import TaskFamily

# Behind the values: the action that is kept, for how many more steps, whether it was drawn at
# random, how many steps wait; then of each of these its place, its reward, and what is seen next.
KEPT, LEFT, IS_RANDOM, WAITING, ROWS = range(5)
ROW = 3


class QLambda(ActionValueLearner):
    """Q(lambda) over what it reads, for rewards that are rare and far away.

    It learns when an episode is over, from its last step to its first, so that one success teaches
    all that led to it. An action that was drawn, at random or among equals, is kept for a number of
    steps: who knows nothing walks in lines, and does not stagger about the start. One drawn among
    equals is kept only as long as none is better. The time limit of an episode is no end of the
    task: values bootstrap through it.
    """

    name: ClassVar[str] = "q-lambda"

    trace: Share = 0.9
    """Lambda of the lambda-return: 0 looks one step ahead, 1 to the end of the episode."""

    kept_steps: Count = 10
    """Steps for which an action that was drawn is kept at most; how many is drawn, too."""

    initial_value: float = Field(0.0)
    """Of every action before it was tried; above what the family pays, it makes for exploring."""

    def parameters(self) -> tuple[float, ...]:
        """Learning rate, discount, initial value, trace, and `kept_steps`."""
        return *super().parameters(), self.trace, float(self.kept_steps)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """The action values of input s are `memory[s * A : (s + 1) * A]`."""
        num_actions = family.num_actions
        behind = num_inputs * num_actions
        greatest, value, best_value = table_of_values(num_actions)
        pick = epsilon_greedy(num_actions, value, best_value)

        @register_jitable
        def slot(number: Any) -> Any:
            return uint64(behind) + uint64(number)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            memory[:] = parameters[2]
            memory[slot(WAITING)] = 0.0

        @register_jitable
        def learn(memory: Any, parameters: Any, is_end: Any) -> None:
            """Learn from the steps that wait; with `is_end` nothing comes after the last."""
            learning_rate, discount, _, trace, _ = parameters
            count = uint64(memory[slot(WAITING)])
            reached = 0.0  # the lambda-return from the next step on
            for i in range(count):
                row = slot(ROWS) + (count - uint64(1) - i) * uint64(ROW)
                place, reward, first = memory[row], memory[row + uint64(1)], memory[row + uint64(2)]
                future = greatest(memory, uint64(first))
                if i == uint64(0):
                    reached = 0.0 if is_end else future
                    future = reached
                reached = reward + discount * (future + trace * (reached - future))
                memory[uint64(place)] += learning_rate * (reached - memory[uint64(place)])
            memory[slot(WAITING)] = 0.0

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
            if episode_step == uint64(0):
                learn(memory, parameters, False)
                memory[slot(LEFT)] = 0.0
            if memory[slot(LEFT)] > 0.0:
                kept = uint64(memory[slot(KEPT)])
                first = seen * uint64(num_actions)
                is_best = memory[first + kept] == greatest(memory, first)
                if is_best or memory[slot(IS_RANDOM)] > 0.0:
                    memory[slot(LEFT)] -= 1.0
                    return kept
            action = pick(memory, parameters, task, state, seen, episode_step, exploration, key)
            memory[slot(KEPT)] = action
            memory[slot(LEFT)] = bounded(subkey(key, 1), int(parameters[4]))
            memory[slot(IS_RANDOM)] = 1.0 if uniform(key) < exploration else 0.0
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
            count = uint64(memory[slot(WAITING)])
            row = slot(ROWS) + count * uint64(ROW)
            memory[row] = seen * uint64(num_actions) + action
            memory[row + uint64(1)] = reward
            memory[row + uint64(2)] = seen_next * uint64(num_actions)
            memory[slot(WAITING)] = count + 1
            if terminated:
                learn(memory, parameters, True)

        return LearningRules(behind + ROWS + ROW * family.episode_length, begin, choose, update)
