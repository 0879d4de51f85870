"""The ideal learner of a family, as a learner whose histories can be distilled.

A source that never errs teaches no recovery. So it may be disturbed, by random actions and by
others who act in the first episodes of a history, and its labels say what it would have done.

Twin: `tests/reference/ideal_learner.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numba import uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, subkey, uniform
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.family import TaskFamily, hash_of_sources
from adfast.tasks.ideal_learner import ActingIdealLearner

UNDECIDED = -1.0  # whether others begin the history


class DisturbedIdealLearner(CompiledAlgorithm):
    """Who learns these tasks as well as is known to be possible, on purpose disturbed or not."""

    name: ClassVar[str] = "ideal-learner"

    noise: float = Field(0.0, ge=0, le=1)
    """Probability of a random action; the label is what was intended."""

    others: float = Field(0.0, ge=0, le=1)
    """Share of the histories that others begin: how often these act at random is drawn for each."""

    others_episodes: Count = 2
    """Episodes, at most, that they act in."""

    def parameters(self) -> tuple[float, ...]:
        """The share of others, and their episodes."""
        return self.others, float(self.others_episodes)

    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: the noise."""
        return np.full(episodes, self.noise)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Behind the ideal learner's memory: episodes left to others, and their randomness."""
        learner = family.ideal_learner()
        if not isinstance(learner, ActingIdealLearner):
            raise InvalidArgument(
                f"ideal-learner needs a family whose ideal learner is known and can act, got "
                f"{family!r}; use another algorithm, such as posterior-sampling, or the options "
                "that one is known for"
            )
        size, begin_ideal, begin_episode, intend, learn = learner.rules()
        num_actions = family.num_actions
        sources = hash_of_sources(type(learner).__module__)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            _ = sources
            begin_ideal(memory)
            memory[uint64(size)] = UNDECIDED

        @register_jitable
        def pass_to_others(memory: Any, parameters: Any, key: Any) -> None:
            if memory[uint64(size)] == UNDECIDED:
                share, most = parameters
                is_theirs = uniform(subkey(key, 1)) < share
                episodes = 1 + bounded(subkey(key, 2), uint64(most))
                memory[uint64(size)] = episodes if is_theirs else 0
                memory[uint64(size + 1)] = uniform(subkey(key, 3))
            elif memory[uint64(size)] > 0:
                memory[uint64(size)] -= 1

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
                begin_episode(memory)
                pass_to_others(memory, parameters, key)
            noise = exploration
            if memory[uint64(size)] > 0:
                noise = max(noise, memory[uint64(size + 1)])
            if uniform(key) < noise:
                return uint64(bounded(subkey(key, 0), num_actions))
            return uint64(intend(memory, seen, episode_step))

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
            learn(memory, seen, action, reward, seen_next)

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
            return uint64(intend(memory, seen, episode_step))

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
            noise = exploration
            if memory[uint64(size)] > 0:
                noise = max(noise, memory[uint64(size + 1)])
            for a in range(uint64(num_actions)):
                out[a] = noise / num_actions
            out[uint64(intend(memory, seen, episode_step))] += 1.0 - noise

        return LearningRules(size + 2, begin, choose, update, label, chances=chances)
