"""Evidence: a quantity and the threshold that a claim stands or falls by.

A claim is judged by t-intervals over tasks, stratified by subject, of all that is asked together:
the intervals are so wide that together they are wrong in a twentieth of all cases.

Source: Holm 1979, "A simple sequentially rejective multiple test procedure"; Welch 1947 and
Satterthwaite 1946 for the degrees of freedom of a mean over strata.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from adfast.errors import InvalidArgument
from adfast.probes.sections import Part

Verdict = Literal["supported", "refuted", "undecided"]
FEWEST_TASKS = 3  # of a subject, that an interval is made of
FEWEST_ALIKE = (
    6  # of all, where no two of a subject differ: of fewer on a side no sign test decides
)
ERROR = 0.05  # the probability that any of the claims judged together is judged wrongly


class Evidence(Part):
    """What was measured on each task of each subject, `values` `[subjects][tasks]`.

    It `supports` a claim "above" its threshold, or "below" it. `low` and `high` are the interval of
    the mean at the `confidence` that is left to it among all evidence that was judged together;
    None where there are too few tasks. `standing` is what it says by itself.
    """

    name: str
    threshold: float
    supports: Literal["above", "below"]
    unit: str = ""
    values: tuple[tuple[float, ...], ...] = Field(min_length=1)
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    standing: Verdict = "undecided"

    @property
    def by_subject(self) -> tuple[float, ...]:
        """The mean over tasks of each subject."""
        return tuple(float(np.mean(tasks)) for tasks in self.values)

    @property
    def mean(self) -> float:
        """The mean over subjects of the mean over the tasks of each."""
        return float(np.mean(self.by_subject))

    @property
    def num_tasks(self) -> int:
        """Tasks of all subjects together."""
        return sum(len(tasks) for tasks in self.values)

    @property
    def is_alike(self) -> bool:
        """Whether its interval has no width: no two tasks of a subject differ."""
        return self.low is not None and self.low == self.high

    @property
    def is_divided(self) -> bool:
        """Whether it says nothing although its interval does, since not all subjects agree."""
        if self.low is None or self.high is None or self.standing != "undecided":
            return False
        return not self.low <= self.threshold <= self.high


def evidence(
    name: str,
    by_subject: Sequence[np.ndarray],
    *,
    above: float | None = None,
    below: float | None = None,
    unit: str = "",
) -> Evidence:
    """Evidence that supports a claim `above` a threshold or `below` one, by float `[tasks]` of each
    subject. Raises `InvalidArgument` for values that are not finite and for none.
    """
    if (above is None) == (below is None):
        raise InvalidArgument(f'evidence "{name}" takes above or below, one of the two')
    values = [np.asarray(tasks, np.float64) for tasks in by_subject]
    if not values or not all(tasks.ndim == 1 and len(tasks) for tasks in values):
        raise InvalidArgument(f'evidence "{name}" needs a value for each task of each subject')
    if not all(np.isfinite(tasks).all() for tasks in values):
        raise InvalidArgument(f'evidence "{name}" must be of finite values; leave the others out')
    return Evidence(
        name=name,
        threshold=float(above if above is not None else below),  # type: ignore[arg-type]
        supports="above" if above is not None else "below",
        unit=unit,
        values=tuple(tuple(tasks.tolist()) for tasks in values),
    )


def judged(pieces: Sequence[Evidence]) -> list[Evidence]:
    """All `pieces` judged together: each with its interval and what it says."""
    known = [(piece, spread_of(piece)) for piece in pieces]
    chances = [1.0 if spread is None else chance_of(piece, *spread) for piece, spread in known]
    levels = holm_levels(chances)
    return [
        piece if spread is None else with_standing(piece, *spread, level)
        for (piece, spread), level in zip(known, levels, strict=True)
    ]


def verdict_of(pieces: Sequence[Evidence]) -> Verdict:
    """What a claim's evidence comes to."""
    return all_together([piece.standing for piece in pieces])


def all_together(said: Collection[Verdict]) -> Verdict:
    """Supported where all that was said is, refuted where any is, else undecided."""
    if "refuted" in said:
        return "refuted"
    return "supported" if set(said) == {"supported"} else "undecided"


def spread_of(piece: Evidence) -> tuple[float, float] | None:
    """Standard error of the mean, and its degrees of freedom; None of too few tasks.

    Where no two tasks of a subject differ the error is 0, and its mean is taken for certain.
    """
    if min(map(len, piece.values)) < FEWEST_TASKS:
        return None
    counts = np.array([len(tasks) for tasks in piece.values])
    varied = [np.var(tasks, ddof=1) if np.ptp(tasks) else 0.0 for tasks in piece.values]
    parts = np.array(varied) / counts
    total = float(parts.sum())
    if total == 0 and piece.num_tasks < FEWEST_ALIKE:
        return None
    freedom = total**2 / float((parts**2 / (counts - 1)).sum()) if total > 0 else counts.min() - 1
    return total**0.5 / len(counts), float(freedom)


def chance_of(piece: Evidence, error: float, freedom: float) -> float:
    """The two-sided probability of a mean as far from the threshold, were that the truth."""
    from scipy.stats import t

    distance = abs(piece.mean - piece.threshold)
    if error == 0.0:
        return 1.0 if distance == 0.0 else 0.0
    return float(2.0 * t.sf(distance / error, freedom))


def holm_levels(chances: Sequence[float]) -> list[float]:
    """The level at which each of `chances` is to be tested, that of the least one first.

    From the first that fails on, all have its level.
    """
    levels, failed = [0.0] * len(chances), None
    for rank, place in enumerate(np.argsort(chances, kind="stable")):
        level = failed or ERROR / (len(chances) - rank)
        if chances[place] > level:
            failed = level
        levels[place] = level
    return levels


def with_standing(piece: Evidence, error: float, freedom: float, level: float) -> Evidence:
    """`piece` with its interval at a level, and what it says.

    It says nothing where a subject lies on the other side of the threshold than their mean.
    """
    from scipy.stats import t

    mean, reach = piece.mean, float(t.isf(level / 2, freedom)) * error
    low, high = mean - reach, mean + reach
    is_above, is_below = low > piece.threshold, high < piece.threshold
    sides = {np.sign(value - piece.threshold) for value in piece.by_subject}
    standing: Verdict = "undecided"
    if (is_above or is_below) and len(sides) == 1:
        standing = "supported" if is_above == (piece.supports == "above") else "refuted"
    update = {"low": low, "high": high, "confidence": 1.0 - level, "standing": standing}
    return piece.model_copy(update=update)


def judged_together(by_name: Mapping[str, Sequence[Evidence]]) -> dict[str, list[Evidence]]:
    """The evidence of several claims, all of it judged together, whatever their order."""
    in_order = sorted(by_name)
    pieces = iter(judged([piece for name in in_order for piece in by_name[name]]))
    found = {name: [next(pieces) for _ in by_name[name]] for name in in_order}
    return {name: found[name] for name in by_name}
