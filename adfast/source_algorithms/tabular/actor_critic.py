"""Tabular actor-critic with parallel actors: A3C with a table in place of the network.

Source: Mnih et al. 2016, arXiv 1602.01783 (A3C); Schulman et al. 2016, arXiv 1506.02438 (GAE).
Twin: `tests/reference/actor_critic.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numba import uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.source_algorithms.loops.history_loop import LearningRules, Reads
from adfast.source_algorithms.loops.softmax_choice import softmax
from adfast.source_algorithms.parallel_algorithm import ParallelAlgorithm
from adfast.source_algorithms.tabular.action_values import Share
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TERMINATED

ROW = 3  # values of a step that waits: its input, its action, its reward


class ActorCritic(ParallelAlgorithm):
    """Actor-critic over what it reads, a logit for each action and a value for each input.

    Each actor learns from `n_steps` steps at a time, or as many as its episode still has, in the
    order in which they were: of each the lambda-return, by which the values are mended, less the
    value is the advantage, by which the logits are. The time limit of an episode is no end of the
    task: values bootstrap through it. Actors learn in their order, from tables that they share.
    """

    name: ClassVar[str] = "actor-critic"

    reads: Reads = "observation"
    """What the tables have a row for: each observation; each state, for what a published source
    saw or could remember, such as that it holds a key; or each cell, where states are too many."""

    n_steps: Annotated[int, Field(ge=1, le=65536)] = 1
    """Steps that an actor learns from at once."""

    policy_rate: float = Field(1.0, gt=0)
    """By how much of its gradient a logit is changed."""

    value_rate: float = Field(0.3, gt=0, le=1)
    """Share of its error by which a value is mended."""

    discount: Share = 0.9
    """What a reward one step later is worth."""

    trace: Share = 0.95
    """Lambda of the lambda-return: 0 looks one step ahead, 1 as far as the steps go."""

    entropy_bonus: float = Field(0.0, ge=0)
    """What a nat of the policy's entropy is worth."""

    logit_decay: float = Field(0.001, ge=0, lt=1)
    """Share by which the logits of an input shrink each time that it is learned from."""

    def parameters(self) -> tuple[float, ...]:
        """The rates, discount, trace, entropy bonus, what is left of a logit, and `n_steps`."""
        return (
            self.policy_rate,
            self.value_rate,
            self.discount,
            self.trace,
            self.entropy_bonus,
            1.0 - self.logit_decay,
            float(self.n_steps),
        )

    def exploration(self, episodes: int) -> np.ndarray:
        """Zeros `[episodes]`: the policy is random by itself."""
        return np.zeros(episodes)

    def own_memory(self) -> int:
        """Steps that wait, and how many they are."""
        return 1 + ROW * self.n_steps

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Of input s memory has, from `s * size` on, what `softmax` wants, and then its value."""
        num_actions = family.num_actions
        value = 2 * num_actions + 1
        size = value + 1
        weigh, draw = softmax(num_actions)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            memory[:] = 0.0
            for seen in range(uint64(num_inputs)):
                weigh(memory, seen * uint64(size))

        @register_jitable
        def choose(
            memory: Any,
            parameters: Any,
            own: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            key: Any,
        ) -> Any:
            return draw(memory, seen * uint64(size), key)

        @register_jitable(inline="always")
        def aim(memory: Any, parameters: Any, own: Any, count: Any, future: Any) -> None:
            _, _, discount, trace, _, _, _ = parameters
            target = future
            for i in range(count):
                place = own + uint64(1) + (count - uint64(1) - i) * uint64(ROW)
                ahead = future + trace * (target - future)
                target = memory[place + uint64(2)] + discount * ahead
                memory[place + uint64(2)] = target
                future = memory[uint64(memory[place]) * uint64(size) + uint64(value)]

        @register_jitable(inline="always")
        def learn(memory: Any, parameters: Any, seen: Any, action: Any, target: Any) -> None:
            policy_rate, value_rate, _, _, bonus, kept, _ = parameters
            first = seen * uint64(size)
            advantage = target - memory[first + uint64(value)]
            memory[first + uint64(value)] += value_rate * advantage
            share = 1.0 / memory[first + uint64(2 * num_actions)]
            mean = 0.0
            for a in range(uint64(num_actions)):
                mean += share * memory[first + uint64(num_actions) + a] * memory[first + a]
            for a in range(uint64(num_actions)):
                logit = memory[first + a]
                probability = share * memory[first + uint64(num_actions) + a]
                gradient = -probability * (advantage + bonus * (logit - mean))
                if a == action:
                    gradient += advantage
                memory[first + a] = kept * logit + policy_rate * gradient
            weigh(memory, first)

        @register_jitable
        def update(
            memory: Any,
            parameters: Any,
            own: Any,
            seen: Any,
            action: Any,
            reward: Any,
            seen_next: Any,
            boundary: Any,
        ) -> Any:
            count = uint64(memory[own]) + uint64(1)
            place = own + uint64(1) + (count - uint64(1)) * uint64(ROW)
            memory[place], memory[place + uint64(1)] = seen, action
            memory[place + uint64(2)] = reward
            if count < uint64(parameters[6]) and boundary == BOUNDARY_INSIDE:
                memory[own] = count
                return
            memory[own] = 0.0
            future = memory[seen_next * uint64(size) + uint64(value)]
            aim(memory, parameters, own, count, 0.0 if boundary == BOUNDARY_TERMINATED else future)
            for i in range(count):
                place = own + uint64(1) + i * uint64(ROW)
                target = memory[place + uint64(2)]
                past, done = uint64(memory[place]), uint64(memory[place + uint64(1)])
                learn(memory, parameters, past, done, target)

        @register_jitable
        def chances(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            out: Any,
        ) -> None:
            first = seen * uint64(size)
            for a in range(uint64(num_actions)):
                weight = memory[first + uint64(num_actions) + a]
                out[a] = weight / memory[first + uint64(2 * num_actions)]

        return LearningRules(num_inputs * size, begin, choose, update, chances=chances)
