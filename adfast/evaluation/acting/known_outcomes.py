"""KnownOutcomes: what actions brought that is known before the next call of `act` could say it.

In two cases: the last transition that an agent read; and where environments begin the next episode
one step after the last has ended, what the ending step brought, which is kept until the first
observation of the next episode is there, one call later. In between, the environment takes no
action and its history does not grow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from adfast.evaluation.acting.acting import Outcome


@dataclass(frozen=True)
class KnownOutcomes:
    """What the last transitions of N environments brought, where that is known and not taken in.

    It never changes: who keeps one may try what comes of a step, and give that up.
    """

    is_known: np.ndarray  # bool [N]
    outcome: Outcome | None  # read where `is_known`

    @classmethod
    def none(cls, num_environments: int) -> KnownOutcomes:
        """Nothing is known."""
        return cls(np.zeros(num_environments, bool), None)

    def without(self, mask: np.ndarray | None) -> KnownOutcomes:
        """Environments of `mask`, or all, begin a new history."""
        is_known = self.is_known & ~mask if mask is not None else np.zeros_like(self.is_known)
        return KnownOutcomes(is_known, self.outcome)

    def extended(self, rows: np.ndarray, outcome: Outcome) -> KnownOutcomes:
        """Where `rows` (bool `[N]`), `outcome` is known from now on."""
        return KnownOutcomes(self.is_known | rows, joined(rows, outcome, self.outcome))

    def of(self, rows: np.ndarray) -> Outcome | None:
        """What to take in where `rows` (bool `[N]`); None if nothing is known at all."""
        if self.outcome is None:
            return None
        continues = self.is_known & rows
        return replace(self.outcome, continues=continues, done=self.outcome.done & continues)

    def followed_by(
        self, outcome: Outcome, *, delays_ends: bool
    ) -> tuple[Outcome, np.ndarray | None, KnownOutcomes | None]:
        """What to take in now, which environments take an action now (bool `[N]`; None: all), and
        what is known then.

        With `delays_ends`, where an episode has just ended `outcome` holds its final observation
        and is kept.
        """
        was_known = self.is_known & outcome.continues
        ends = outcome.done & ~was_known
        taken = outcome
        if was_known.any():
            taken = joined(was_known, self.outcome, outcome)
        if not delays_ends or not ends.any():
            return taken, None, None
        now = replace(taken, continues=outcome.continues & ~ends, done=taken.done & ~ends)
        # The environment may use the array that it returned again.
        kept = replace(outcome, final_observation=outcome.final_observation.copy())
        return now, ~ends, KnownOutcomes(ends, kept)


def joined(rows: np.ndarray, there: Outcome | None, elsewhere: Outcome | None) -> Outcome:
    """`there` where `rows` (bool `[N]`), the other elsewhere; either may be None if not needed."""
    if there is None or elsewhere is None:
        result = there or elsewhere
        assert result is not None, "one of them is needed"
        return result
    final = elsewhere.final_observation.copy()
    final[rows] = there.final_observation[rows]
    return Outcome(
        elsewhere.continues,
        np.where(rows, there.reward, elsewhere.reward),
        np.where(rows, there.terminated, elsewhere.terminated),
        np.where(rows, there.done, elsewhere.done),
        final,
    )
