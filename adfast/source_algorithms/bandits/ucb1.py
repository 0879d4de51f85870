"""UCB1: the arm that may be the best, with untried arms first and random ties.

Source: Auer, Cesa-Bianchi & Fischer 2002. Twin: `tests/reference/ucb1.py`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numba import uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.random_draws import bounded, logarithm, subkey
from adfast.source_algorithms.bandits.bandit_arms import BanditLearner, arm_rules, check_arms
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.family import TaskFamily


class UCB1(BanditLearner):
    """Pulls an arm with the greatest upper bound: its share of successes + sqrt(c ln t / n).

    Here t counts all pulls so far and n those of the arm; an untried arm has no bound and comes
    first. A reward above 0 is a success.
    """

    name: ClassVar[str] = "ucb1"

    confidence: float = Field(2.0, ge=0, le=1e6)
    """The c of the bound: the greater, the longer worse arms are tried."""

    def parameters(self) -> tuple[float, ...]:
        """The confidence."""
        return (self.confidence,)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Of arm a `memory[a]` holds the pulls, `memory[A + a]` the successes, then its bound."""
        check_arms(family, num_inputs, UCB1.name)
        num_actions = family.num_actions

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
            pulls = 0.0
            for a in range(uint64(num_actions)):
                pulls += memory[a]
            width = parameters[0] * logarithm(max(pulls, 1.0))
            best, ties = -1.0, uint64(0)
            for a in range(uint64(num_actions)):
                bound = np.inf
                if memory[a] > 0.0:
                    share = memory[uint64(num_actions) + a] / memory[a]
                    bound = share + math.sqrt(width / memory[a])
                memory[uint64(2 * num_actions) + a] = bound
                ties = ties + uint64(bound == best) if bound <= best else uint64(1)
                best = max(best, bound)
            skip = uint64(bounded(subkey(key, 0), ties))
            for a in range(uint64(num_actions)):
                if memory[uint64(2 * num_actions) + a] == best:
                    if skip == uint64(0):
                        return a
                    skip -= uint64(1)
            return uint64(0)

        return arm_rules(num_actions, choose)
