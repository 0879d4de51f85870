"""Verdicts: claims about what methods earn, each with the number that decides it.

A number has a 95% interval that resamples training seeds and tasks, of two methods jointly. A claim
is so where all of the interval says it, is not where none of it does, and else is undecided.

Axes: T tasks (or groups of them), E episodes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.statistics import (
    BOOTSTRAP_SAMPLES,
    Pairing,
    difference_interval,
    mean_over_seeds,
    resampled_means,
    seeds_and_tasks_interval,
)
from adfast.evaluation.summary import LAST_EPISODES
from adfast.runs.files.result_files import Section

Verdict = Literal["yes", "no", "undecided"]
Kind = Literal["rises", "does not rise", "at or above", "fewer episodes"]
OPPOSITE: Mapping[Verdict, Verdict] = {"yes": "no", "no": "yes", "undecided": "undecided"}


class Judged(Section):
    """What was found of a claim about a `method`, `against` another where it is held to one.

    `value` is a return, or a number of episodes where `kind` says so, and `low` to `high` its 95%
    interval; None: beyond the episodes that are known. So many `seeds` were resampled.
    """

    kind: Kind
    claim: str
    method: str
    against: str | None = None
    verdict: Verdict
    value: float | None
    low: float | None
    high: float | None
    seeds: int
    pairing: Pairing = "none"

    @property
    def numbers(self) -> str:
        """The value and its interval, in words."""
        form = "+.0f" if self.kind == "fewer episodes" else "+.2f"
        value, low, high = (
            "unknown" if number is None else f"{number:{form}}"
            for number in (self.value, self.low, self.high)
        )
        return f"{value} ({low} to {high})"


@dataclass(frozen=True)
class SeedReturns:
    """Returns float `[T, E]` of a method for each training seed, by what tells seeds apart.

    `tasks` says of each what its rows are of: where two methods agree in it, row t is of the same.
    """

    label: str
    returns: Mapping[Hashable, np.ndarray]
    tasks: Mapping[Hashable, Hashable]

    @property
    def episodes(self) -> int:
        """Of the shortest evaluation."""
        return min(int(values.shape[1]) for values in self.returns.values())


@dataclass(frozen=True)
class SourceCurve:
    """The mean return float `[E]` of a source algorithm in those of its episodes that are known.

    `episodes` count from 1.
    """

    episodes: np.ndarray
    returns: np.ndarray


def rises(method: SeedReturns, *, least: float = 0.0) -> Judged:
    """Whether late episodes bring more than `least` above early ones.

    These are the last and the first five, or the halves where there are fewer than ten.
    """
    episodes = method.episodes
    some = min(LAST_EPISODES, episodes // 2)
    if some == 0:
        raise InvalidArgument(
            f"{method.label} must have two episodes to rise between them, got one; evaluate it "
            "with more evaluation.episodes"
        )
    cut = [values[:, :episodes] for values in method.returns.values()]
    gains = [of[:, -some:].mean(axis=1) - of[:, :some].mean(axis=1) for of in cut]
    low, high = seeds_and_tasks_interval(gains).tolist()
    return Judged(
        kind="rises",
        claim=f"{method.label} rises in context",
        method=method.label,
        verdict=verdict_of(always=low > least, never=high <= least),
        value=float(mean_over_seeds(gains)),
        low=low,
        high=high,
        seeds=len(gains),
    )


def does_not_rise(method: SeedReturns, *, tolerance: float) -> Judged:
    """Whether late episodes bring at most `tolerance` above early ones; see `rises`."""
    found = rises(method, least=tolerance)
    return found.model_copy(
        update={
            "kind": "does not rise",
            "claim": f"{method.label} does not improve in context",
            "verdict": OPPOSITE[found.verdict],
        }
    )


def at_or_above(one: SeedReturns, other: SeedReturns, *, tolerance: float = 0.0) -> Judged:
    """Whether `one` earns as much as `other` in the last five episodes, less `tolerance` at most.

    Of seeds that both have these alone count, paired, by task where their tasks are the same; where
    they share none each is resampled by itself. Evaluations are cut to the shortest.
    """
    episodes = min(one.episodes, other.episodes)
    shared = [key for key in one.returns if key in other.returns]
    same_tasks = all(one.tasks[key] == other.tasks[key] for key in shared)
    pairing: Pairing = "none" if not shared else "seeds and tasks" if same_tasks else "seeds"
    last, of_other = (
        [of.returns[key][:, :episodes][:, -LAST_EPISODES:].mean(axis=1) for key in keys]
        for of, keys in ((one, shared or one.returns), (other, shared or other.returns))
    )
    low, high = difference_interval(last, of_other, pairing).tolist()
    return Judged(
        kind="at or above",
        claim=f"{one.label} at or above {other.label}",
        method=one.label,
        against=other.label,
        verdict=verdict_of(always=low >= -tolerance, never=high < -tolerance),
        value=float(mean_over_seeds(last) - mean_over_seeds(of_other)),
        low=low,
        high=high,
        seeds=min(len(last), len(of_other)),
        pairing=pairing,
    )


def needs_fewer_episodes(
    method: SeedReturns, source: Mapping[Hashable, SourceCurve], *, level: float
) -> Judged:
    """Whether `method` first earns `level` in an earlier episode than its `source` of that seed.

    Seeds are resampled together, tasks of the method alone. Where it is not known in which of some
    episodes the source got there, the interval holds them all, and the value is by the first.
    """
    keys = [key for key in method.returns if key in source]
    known = [source[key] for key in keys]
    if not keys or any(not np.array_equal(of.episodes, known[0].episodes) for of in known):
        raise InvalidArgument(
            f"the source of {method.label} must be known in the same episodes of each of its "
            f"training seeds, got seeds {listed(method.returns)} and {listed(source)}"
        )
    own = [method.returns[key][:, : method.episodes] for key in keys]
    learned = [of.returns[None] for of in known]
    counted = np.arange(1, method.episodes + 1), known[0].episodes
    drawn = zip((resampled_means(own), resampled_means(learned)), counted, strict=True)
    (own_first, own_last), (first, last) = (reached(*of, level) for of in drawn)
    tail = BOOTSTRAP_SAMPLES // 40  # 2.5%; infinity is not to be interpolated
    low, high = np.sort(own_first - last)[tail], np.sort(own_last - first)[-1 - tail]
    means = zip((mean_over_seeds(own), mean_over_seeds(learned)), counted, strict=True)
    (_, own_at), (source_from, source_at) = (reached(*of, level) for of in means)
    return Judged(
        kind="fewer episodes",
        claim=f"{method.label} earns {level:.3g} after fewer episodes than its source",
        method=method.label,
        verdict=verdict_of(always=bool(high < 0), never=bool(low >= 0)),
        value=None if np.isinf(source_at) else finite(own_at - source_from),
        low=finite(low),
        high=finite(high),
        seeds=len(keys),
        pairing="seeds",
    )


def reached(means: np.ndarray, episodes: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """float `[...]` each: the first and the last episode in which `means` `[..., E]` may be those
    that first reach `level`.

    `episodes` `[E]` are those that are known. What does not get there in them may do so right after
    the last one, or never, which is infinity.
    """
    is_there = means >= level
    place = np.where(is_there.any(axis=-1), is_there.argmax(axis=-1), len(episodes))
    return np.append(0.0, episodes)[place] + 1, np.append(episodes, np.inf)[place]


def verdict_of(*, always: bool, never: bool) -> Verdict:
    """By whether the claim holds in all of the interval, or nowhere in it."""
    return "yes" if always else "no" if never else "undecided"


def finite(value: float) -> float | None:
    """`value`, None where it is infinite."""
    return float(value) if np.isfinite(value) else None


def listed(keys: Iterable[Hashable]) -> str:
    """What tells seeds apart, in words."""
    return ", ".join(map(str, keys)) or "none"
