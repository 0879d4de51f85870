"""ActionValueLearner: the options of learners that choose epsilon-greedily by a table of values."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from adfast.config import Count
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.history_loop import Reads

Share = Annotated[float, Field(ge=0, le=1)]


class ActionValueLearner(CompiledAlgorithm):
    """A learner of action values; epsilon falls linearly over the first `epsilon_episodes`."""

    reads: Reads = "observation"
    """What the table has a row for: each observation; each state, for what a published source
    saw or could remember, such as that it holds a key; or each cell, where states are too many."""

    learning_rate: float = Field(0.5, gt=0, le=1)
    """Share of its error by which an action value is mended."""

    discount: Share = 0.95
    """What a reward one step later is worth."""

    epsilon_start: Share = 0.3
    """Probability of a random action in the first episode."""

    epsilon_end: Share = 0.0
    """Probability of a random action from episode `epsilon_episodes` on."""

    epsilon_episodes: Count = 200
    """Episodes over which that probability changes, linearly."""

    initial_value: float = 1.0
    """Of every action before it was tried; above what the family pays, it makes for exploring."""

    def parameters(self) -> tuple[float, ...]:
        """Learning rate, discount and initial value."""
        return self.learning_rate, self.discount, self.initial_value

    def exploration(self, episodes: int) -> np.ndarray:
        """float64 `[episodes]`: epsilon."""
        progress = np.minimum(np.arange(episodes) / self.epsilon_episodes, 1.0)
        epsilon = self.epsilon_start + (self.epsilon_end - self.epsilon_start) * progress
        return np.asarray(epsilon, np.float64)
