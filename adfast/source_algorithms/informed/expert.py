"""The expert that knows the task, and the annealed expert: from random to optimal over a history.

The expert's values come from backward induction over every state and step left, around the family's
own compiled step, expected over what chance can do; among equally good actions it draws one. Where
states are too many for that, it does as the family's `steer` does, if there is one. Annealed by
noise, it gives histories that improve with no learning at all.

Source: Zisman et al. 2024, arXiv 2312.12275 (noise-annealed demonstrations). Twin:
`tests/reference/expert.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numba import int64, uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.config import CountOrNone
from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, subkey, uniform
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.greedy_choice import epsilon_greedy
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.compiled.components import mixed_radix, mixed_radix_inverse
from adfast.tasks.compiled.planning import action_value
from adfast.tasks.family import MAX_PLANNED_VALUES, TaskFamily


class Optimal(CompiledAlgorithm):
    """The optimal policy of every task from the first episode on."""

    name: ClassVar[str] = "optimal"

    def parameters(self) -> tuple[float, ...]:
        """None that matters; compiled code has no empty tuple."""
        return (0.0,)

    def exploration(self, episodes: int) -> np.ndarray:
        """Zeros `[episodes]`."""
        return np.zeros(episodes)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Those of who follows the plan of the task, or steers.

        Where an episode can come to a step out of the schema, the expert does, and the history loop
        refuses it. Where none can, it changes nothing.
        """
        if family.steer is not None and not family.planner:
            return rules_of_steering(family)
        check_planner(family)
        plan, value, best_value = plan_of(family)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            if not same_task:
                plan(memory, task)

        choose = epsilon_greedy(family.num_actions, value, best_value)

        @register_jitable
        def label(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            key: Any,
        ) -> Any:
            return choose(memory, parameters, task, state, seen, episode_step, 0.0, key)

        return LearningRules(family.num_planned_values, begin, choose, label=label)


class AnnealedExpert(Optimal):
    """The expert, but each action is uniformly random with a probability that falls by episode.

    With both noises at 1 this is the uniformly random policy.
    """

    name: ClassVar[str] = "annealed-expert"

    noise_start: float = Field(1.0, ge=0, le=1)
    """Probability of a random action in the first episode."""

    noise_end: float = Field(0.0, ge=0, le=1)
    """Probability of a random action from episode `noise_episodes` on."""

    noise_episodes: CountOrNone = 0
    """Episodes over which that probability falls; 0: all of a history's."""

    exponent: float = Field(1.0, gt=0)
    """How it falls, as (1 - progress) ** exponent: 1 linearly, above 1 soon, below 1 late."""

    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: the noise."""
        duration = self.noise_episodes or max(episodes - 1, 1)
        progress = np.minimum(np.arange(episodes) / duration, 1.0)
        fall = (1.0 - progress) ** self.exponent
        return np.asarray(self.noise_end + (self.noise_start - self.noise_end) * fall, np.float64)


def rules_of_steering(family: TaskFamily) -> LearningRules:
    """Those of who does as the family's `steer` does."""
    num_actions, steer = family.num_actions, family.steer
    assert steer is not None, "asked for where there is one"

    @register_jitable
    def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
        pass

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
        if uniform(key) < exploration:
            return int64(bounded(subkey(key, 0), num_actions))
        return int64(steer(task, state))

    @register_jitable
    def label(
        memory: Any, parameters: Any, task: Any, state: Any, seen: Any, episode_step: Any, key: Any
    ) -> Any:
        return int64(steer(task, state))

    return LearningRules(1, begin, choose, label=label)


def check_planner(family: TaskFamily) -> None:
    """Raise `InvalidArgument` where the best policy cannot be computed exactly."""
    if family.outcomes is None and family.expected_step is None:
        raise InvalidArgument(
            "the expert needs a family that says what its random steps can come to, got "
            f"{family.name}, whose outcomes are None; use a learning algorithm such as q-learning"
        )
    if family.num_planned_values > MAX_PLANNED_VALUES:
        raise InvalidArgument(
            f"the expert holds one value per state and step, at most {MAX_PLANNED_VALUES}, but "
            f"{family.name} of these options has {family.num_planned_values}; make the family "
            "smaller"
        )
    if not family.planner:
        raise InvalidArgument(
            f"the expert needs a family that has a planner, got {family.name}; use a learning "
            "algorithm such as q-learning"
        )


def plan_of(family: TaskFamily) -> tuple[Callable[..., Any], ...]:
    """`plan(memory, task)`, and `value` and `best_value` of `epsilon_greedy` after it.

    The plan is the values by backward induction: of state s before episode step t
    `memory[t * S + s]`, `family.num_planned_values` in all.
    """
    num_states = math.prod(family.state_sizes)
    num_actions, episode_length = family.num_actions, family.episode_length
    number_state = mixed_radix(family.state_sizes)
    state_of = mixed_radix_inverse(family.state_sizes)
    value_before = action_value(family)

    @register_jitable
    def value(memory: Any, task: Any, state: Any, seen: Any, episode_step: Any, action: Any) -> Any:
        first = (uint64(episode_step) + uint64(1)) * uint64(num_states)
        return value_before(memory, first, task, state, action)

    @register_jitable
    def best_value(memory: Any, task: Any, state: Any, seen: Any, episode_step: Any) -> Any:
        return memory[episode_step * uint64(num_states) + number_state(state)]

    @register_jitable
    def plan(memory: Any, task: Any) -> None:
        for s in range(uint64(num_states)):
            memory[uint64(episode_length * num_states) + s] = 0.0
        for steps_left in range(uint64(1), uint64(episode_length + 1)):
            t = uint64(episode_length) - steps_left
            for s in range(uint64(num_states)):
                best = value(memory, task, state_of(s), s, t, uint64(0))
                for a in range(uint64(1), uint64(num_actions)):
                    best = max(best, value(memory, task, state_of(s), s, t, a))
                memory[t * uint64(num_states) + s] = best

    return plan, value, best_value
