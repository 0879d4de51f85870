"""Epsilon-greedy choice with random ties, shared by the learners that choose by action values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import uint64
from numba.extending import register_jitable

from adfast.random_draws import bounded, subkey, uniform


def epsilon_greedy(
    num_actions: int, value: Callable[..., Any], best_value: Callable[..., Any]
) -> Callable[..., Any]:
    """The rule `choose` of a learner (see `LearningRules`).

    An action is uniformly random with the probability `exploration`, else one of those whose
    `value(memory, task, state, seen, episode_step, action)` is the `best_value(memory, task, state,
    seen, episode_step)`, each equally often.
    """

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
            return uint64(bounded(subkey(key, 0), num_actions))
        best = best_value(memory, task, state, seen, episode_step)
        ties = uint64(0)
        for a in range(uint64(num_actions)):
            ties += uint64(value(memory, task, state, seen, episode_step, a) == best)
        skip = uint64(bounded(subkey(key, 0), ties))
        for a in range(uint64(num_actions)):
            if value(memory, task, state, seen, episode_step, a) == best:
                if skip == uint64(0):
                    return a
                skip -= uint64(1)
        return uint64(0)

    return choose
