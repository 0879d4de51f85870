"""EpisodeEnds: for environments that begin the next episode one step after the last has ended.

What an ending step brought is kept until the first observation of the next episode is there, one
call later; in between, the environment takes no action and its history does not grow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.evaluation.acting import Outcome


@dataclass(frozen=True)
class EpisodeEnds:
    """What the last steps of episodes brought to N environments that have not begun the next.

    It never changes: who keeps one may try what comes of a step, and give that up.
    """

    has_ended: np.ndarray  # bool [N]: these have not begun the next episode
    kept: Outcome | None  # what the ending steps brought, read where `has_ended`

    @classmethod
    def none(cls, num_environments: int) -> EpisodeEnds:
        """No episode has ended."""
        return cls(np.zeros(num_environments, bool), None)

    def without(self, mask: np.ndarray | None) -> EpisodeEnds:
        """Environments of `mask`, or all, begin a new history."""
        has_ended = self.has_ended & ~mask if mask is not None else np.zeros_like(self.has_ended)
        return EpisodeEnds(has_ended, self.kept)

    def delayed(self, outcome: Outcome) -> tuple[Outcome, np.ndarray, EpisodeEnds]:
        """What to take in now, which environments (bool `[N]`) take an action now, and the ends
        that are open then.

        Where an episode has just ended, `outcome` holds its final observation and is kept; where it
        had ended before, `outcome` is that of a reset, and what was kept comes instead.
        """
        was_over = self.has_ended & outcome.continues
        ends = outcome.done & ~was_over
        taken = outcome
        if was_over.any():
            assert self.kept is not None, "an episode has ended"
            taken = Outcome(
                outcome.continues,
                np.where(was_over, self.kept.reward, outcome.reward),
                was_over,
                self.kept.final_observation,
            )
        now = Outcome(
            outcome.continues & ~ends, taken.reward, taken.done & ~ends, taken.final_observation
        )
        return now, ~ends, EpisodeEnds(ends, outcome if ends.any() else self.kept)
