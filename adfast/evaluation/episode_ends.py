"""EpisodeEnds: for environments that begin the next episode one step after the last has ended.

What an ending step brought is kept until the first observation of the next episode is there, one
call later; in between, the environment takes no action and its history does not grow.
"""

from __future__ import annotations

import numpy as np

from adfast.evaluation.host_step import Outcome


class EpisodeEnds:
    """What the last steps of episodes brought to N environments that have not begun the next."""

    def __init__(self, num_environments: int) -> None:
        self._has_ended = np.zeros(num_environments, bool)
        self._kept: Outcome | None = None

    def forget(self, mask: np.ndarray | None) -> None:
        """Environments of `mask`, or all, begin a new history."""
        self._has_ended[... if mask is None else mask] = False

    def delayed(self, outcome: Outcome) -> tuple[Outcome, np.ndarray]:
        """What to take in now, and which environments (bool `[N]`) take an action now.

        Where an episode has just ended, `outcome` holds its final observation and is kept; where it
        had ended before, `outcome` is that of a reset, and what was kept comes instead.
        """
        was_over = self._has_ended & outcome.continues
        ends = outcome.done & ~was_over
        taken = outcome
        if was_over.any():
            assert self._kept is not None, "an episode has ended"
            taken = Outcome(
                outcome.continues,
                np.where(was_over, self._kept.reward, outcome.reward),
                was_over,
                self._kept.final_observation,
            )
        if ends.any():
            self._kept = outcome
        self._has_ended = ends
        now = Outcome(
            outcome.continues & ~ends, taken.reward, taken.done & ~ends, taken.final_observation
        )
        return now, ~ends
