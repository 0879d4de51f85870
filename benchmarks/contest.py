"""Contest: a subject, its rivals, and the proof that they do the same work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from adfast.errors import AdfastError
from benchmarks.pair_timer import Clock, Contender

Role = Literal["subject", "rival", "limit"]


class NotEquivalent(AdfastError):
    """Subject and rival of a workload do different work, so that a ratio would mean nothing."""


@dataclass(frozen=True)
class Contest:
    """What a workload prepares.

    `check()` raises `NotEquivalent` unless subject and rivals do the same work; it also compiles
    what they run. `limit` does in the same units what the machine allows at best: it copies the
    same bytes, or multiplies matrices with as many operations. `bytes_per_unit` is stated where
    bandwidth matters, and `starts_processes` where the work is done in processes of its own.
    `clock` reads the seconds where the work is not done when a call returns, as on a card. `notes`,
    JSON-ready, are kept beside the figures: `floor_seconds` what a unit takes at least, derived and
    not measured, `left_out` rivals with the reason, `preparation_seconds` of those that prepare.
    """

    subject: Contender
    rivals: tuple[Contender, ...]
    check: Callable[[], None]
    limit: Contender | None = None
    bytes_per_unit: float | None = None
    starts_processes: bool = False
    clock: Clock | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def members(self) -> list[tuple[Role, Contender]]:
        """Who takes part, the subject first."""
        rivals: list[tuple[Role, Contender]] = [("rival", rival) for rival in self.rivals]
        limits: list[tuple[Role, Contender]] = [] if self.limit is None else [("limit", self.limit)]
        return [("subject", self.subject), *rivals, *limits]


_shown: dict[str, None] = {}  # what the check that runs has shown so far, in order


def proof_of(contest: Contest) -> list[str]:
    """Run the contest's check; what it showed, in words. Raises `NotEquivalent`."""
    _shown.clear()
    contest.check()
    return list(_shown)


def show(what: str) -> None:
    """Note what a check has shown, for its proof."""
    _shown[what] = None


def require_equal(what: str, subject: Any, rival: Any) -> None:
    """Raise `NotEquivalent` unless both are the same array, bit for bit apart from the dtype."""
    left, right = np.asarray(subject), np.asarray(rival)
    if left.shape != right.shape:
        raise NotEquivalent(f"{what}: subject has shape {left.shape}, rival {right.shape}")
    different = left != right
    if left.dtype == right.dtype and left.dtype.kind == "f":
        different &= ~(np.isnan(left) & np.isnan(right))
    if different.any():
        place = tuple(int(i) for i in np.argwhere(different)[0])
        raise NotEquivalent(
            f"{what}: differs in {different.mean():.1%} of the entries, first at {place}: "
            f"subject {left[place]}, rival {right[place]}"
        )
    show(f"{what}: equal")


def require_equal_fields(subject: Mapping[str, Any], rival: Mapping[str, Any]) -> None:
    """`require_equal` of every field; raises `NotEquivalent` for other fields too."""
    if subject.keys() != rival.keys():
        raise NotEquivalent(f"fields: subject has {list(subject)}, rival {list(rival)}")
    for name, values in subject.items():
        require_equal(name, values, rival[name])


def require_close(what: str, subject: Any, rival: Any, tolerance: float) -> None:
    """Raise `NotEquivalent` unless the greatest difference is at most `tolerance`."""
    left, right = np.asarray(subject, np.float64), np.asarray(rival, np.float64)
    if left.shape != right.shape:
        raise NotEquivalent(f"{what}: subject has shape {left.shape}, rival {right.shape}")
    difference = float(np.abs(left - right).max())
    if not difference <= tolerance:  # nan is no agreement
        raise NotEquivalent(
            f"{what}: greatest difference {difference:.3g}, allowed are {tolerance:.3g}"
        )
    show(f"{what}: within {tolerance:g}")


def require_same_mean(what: str, subject: np.ndarray, rival: np.ndarray) -> None:
    """Raise `NotEquivalent` unless the mean difference of pairs is within five standard errors."""
    differences = subject - rival
    error = float(differences.std(ddof=1) / differences.size**0.5)
    mean = float(differences.mean())
    if not abs(mean) <= 5 * error:
        raise NotEquivalent(
            f"{what}: means {subject.mean():.4g} and {rival.mean():.4g} differ by "
            f"{abs(mean) / error:.1f} standard errors"
        )
    show(f"{what}: same mean of {differences.size} pairs")
