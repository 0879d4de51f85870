"""Thompson sampling of Bernoulli arms: each arm as often as it may be the best, given what it paid.

Source: Thompson 1933; Chapelle & Li 2011. Twin: `tests/reference/thompson_sampling.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba import uint64
from numba.extending import register_jitable
from pydantic import Field

from adfast.random_draws import beta, subkey
from adfast.source_algorithms.bandits.bandit_arms import BanditLearner, arm_rules, check_arms
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.family import TaskFamily


class ThompsonSampling(BanditLearner):
    """Pulls the arm whose probability to pay, drawn from what is believed of it, is the greatest.

    Beliefs are beta distributions. A reward above 0 is a success.
    """

    name: ClassVar[str] = "thompson-sampling"

    prior_successes: float = Field(1.0, ge=1, le=1e6)
    """Successes of every arm that are taken for granted; 1 and 1: any probability alike."""

    prior_failures: float = Field(1.0, ge=1, le=1e6)
    """Failures of every arm that are taken for granted."""

    def parameters(self) -> tuple[float, ...]:
        """The prior."""
        return self.prior_successes, self.prior_failures

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Of arm a `memory[a]` holds the pulls, `memory[A + a]` the successes."""
        check_arms(family, num_inputs, ThompsonSampling.name)
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
            successes, failures = parameters
            best: Any = uint64(0)
            greatest = -1.0
            for a in range(uint64(num_actions)):
                paid = memory[uint64(num_actions) + a]
                drawn = beta(successes + paid, failures + (memory[a] - paid), subkey(key, a))
                if drawn > greatest:
                    best, greatest = a, drawn
            return best

        return arm_rules(num_actions, choose)
