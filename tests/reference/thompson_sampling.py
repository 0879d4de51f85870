"""Plain-Python twin of Thompson sampling: one whole learning history."""

from __future__ import annotations

from reference.random_streams import beta, subkey
from reference.ucb1 import arm_history


def thompson_sampling_history(environment, *, prior_successes=1.0, prior_failures=1.0, **history):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""

    def choose(pulls, paid, key):
        drawn = [
            beta(prior_successes + successes, prior_failures + (n - successes), subkey(key, arm))
            for arm, (n, successes) in enumerate(zip(pulls, paid, strict=True))
        ]
        return drawn.index(max(drawn))

    return arm_history(environment, choose, **history)
