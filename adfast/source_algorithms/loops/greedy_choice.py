"""Epsilon-greedy choice with random ties, shared by the learners that choose by action values."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import uint64
from numba.extending import register_jitable

from adfast.random_draws import bounded, subkey, uniform


@cache
def table_of_values(
    num_actions: int,
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """`value` and `best_value`, as `epsilon_greedy` takes them, of values that stand in memory.

    Those of input s are `memory[s * A : (s + 1) * A]`. Before them comes the function `(memory,
    first) -> the greatest of the A values from there on`.
    """

    @register_jitable
    def greatest(memory: Any, first: Any) -> Any:
        best = memory[first]
        for a in range(uint64(1), uint64(num_actions)):
            best = max(best, memory[first + a])
        return best

    @register_jitable
    def value(memory: Any, task: Any, state: Any, seen: Any, episode_step: Any, action: Any) -> Any:
        return memory[seen * uint64(num_actions) + action]

    @register_jitable
    def best_value(memory: Any, task: Any, state: Any, seen: Any, episode_step: Any) -> Any:
        return greatest(memory, seen * uint64(num_actions))

    return greatest, value, best_value


@cache
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


@cache
def greedy_chances(
    num_actions: int, value: Callable[..., Any], best_value: Callable[..., Any]
) -> Callable[..., Any]:
    """The rule `chances` beside `epsilon_greedy` (see `LearningRules`)."""

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
        best = best_value(memory, task, state, seen, episode_step)
        ties = 0.0
        for a in range(uint64(num_actions)):
            out[a] = 1.0 if value(memory, task, state, seen, episode_step, a) == best else 0.0
            ties += out[a]
        random = min(max(exploration, 0.0), 1.0)
        for a in range(uint64(num_actions)):
            out[a] = (1.0 - random) * out[a] / ties + random / num_actions

    return chances
