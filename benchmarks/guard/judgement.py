"""When a change of speed is more than noise: the rule of `--against`.

A change is a factor of time: 1.10 takes a tenth longer. The rule asks for two things: an interval
that leaves out 1, and a middle that is at least the minimal effect away from it.

The sample is one factor for each pair of fresh processes, because a process keeps the luck of its
memory layout for as long as it lives: thousands of rounds in one pair of processes repeat the same
luck. The interval is that of the median from order statistics: it assumes no distribution, only
that a pair of equals is as likely to be above 1 as below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np

Verdict = Literal["slower", "faster", "same", "unclear"]

CONFIDENCE = 0.99
# Of a launch, the quantile of its rounds: what disturbs a round only ever adds time.
UNDISTURBED = 0.25


@dataclass(frozen=True)
class Change:
    """A factor of time: the middle and the interval that holds it with `CONFIDENCE`."""

    factor: float
    lower: float
    upper: float

    def verdict(self, minimal_effect: float) -> Verdict:
        """`slower` or `faster` by at least `minimal_effect` and beyond noise.

        `same` when the interval excludes any such change, `unclear` when it does not.
        """
        slow, fast = 1 + minimal_effect, 1 / (1 + minimal_effect)
        if self.lower > 1 and self.factor >= slow:
            return "slower"
        if self.upper < 1 and self.factor <= fast:
            return "faster"
        return "same" if fast < self.lower and self.upper < slow else "unclear"


def undisturbed_seconds(seconds: np.ndarray) -> float:
    """What a call takes when little disturbs it, from its rounds."""
    return float(np.quantile(seconds, UNDISTURBED))


def change_of_launches(factors: Sequence[float]) -> Change:
    """The median factor of several launches, with its interval from order statistics.

    With fewer than eight launches no interval reaches the confidence; it is then unbounded.
    """
    ordered = np.sort(np.asarray(factors, np.float64))
    middle = float(np.median(ordered)) if ordered.size else float("nan")
    left_out = extremes_left_out(ordered.size)
    if left_out is None:
        return Change(middle, 0.0, float("inf"))
    return Change(middle, float(ordered[left_out]), float(ordered[-1 - left_out]))


def extremes_left_out(size: int) -> int | None:
    """How many values on either side an interval of the median may leave out; None: too few.

    The median of `size` independent values lies below the k-th smallest with the probability that
    fewer than k of as many coins show heads.
    """
    tail, left_out = 0.0, None
    for heads in range(size // 2):
        tail += comb(size, heads) / 2**size
        if 2 * tail > 1 - CONFIDENCE:
            break
        left_out = heads
    return left_out
