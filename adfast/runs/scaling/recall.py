"""Recall: how much a longer context can help at most, known beforehand from the family alone.

It is what somebody earns who goes straight to what the window shows, and wanders at random to what
it does not show.

- Dark House: a window of k episodes has met this episode's room with probability
  q = 1 - (1 - 1/rooms)**k. It shows the goal where the room was met in it and its goal was reached
  then: because it was known, or found by chance, in a share p of the episodes. So
  f = q (f + (1 - f) p) = q p / (1 - q (1 - p)), which is a half at q = 1 / (1 + p).
- Key-to-Door: what was found lies an episode back. A window of an episode and a walk across the
  room shows it in all later episodes; one of half an episode hardly ever does. Between them nothing
  is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adfast.facts.of_family import MAX_TASKS, evenly_spaced
from adfast.simulators.random_rollout import random_returns
from adfast.tasks.family import TaskFamily

RANDOM_EPISODES = 64  # of the random policy, on each task


@dataclass(frozen=True)
class Recall:
    """Returns of an episode; `knee` is the window, in transitions, that is worth half of it all.

    `share(windows)` is float64: what windows are worth of what lies between `random` and `optimum`,
    NaN where that is not known.
    """

    random: float
    optimum: float
    knee: float
    share: Callable[[np.ndarray], np.ndarray]

    def returns(self, windows: np.ndarray) -> np.ndarray:
        """What is earned with windows of so many transitions."""
        return self.random + (self.optimum - self.random) * self.share(windows)


def recall_of(family: TaskFamily) -> Recall | None:
    """What is known of a family; None where nothing is."""
    make = RECALLS.get(family.name)
    return None if make is None else make(family)


def of_dark_house(family: Any) -> Recall:
    """Rooms that come up again."""
    returns = by_chance(family)
    found = float((returns > 0).mean())
    rooms, steps = family.rooms, family.episode_length

    def share(windows: np.ndarray) -> np.ndarray:
        met = met_share(rooms, np.asarray(windows) / steps)
        return np.asarray(known_share(met, found))

    half = 1 / (1 + found)
    episodes = np.log1p(-half) / np.log1p(-1 / rooms) if rooms > 1 else 1.0
    return Recall(float(returns.mean()), optimum(family), float(episodes * steps), share)


def of_key_to_door(family: Any) -> Recall:
    """Two places that were found in the episode before."""
    steps, across = family.episode_length, 2 * (family.size - 1)

    def share(windows: np.ndarray) -> np.ndarray:
        windows = np.asarray(windows, np.float64)
        ends = np.where(windows >= steps + across, 1.0, np.nan)
        return np.where(windows <= steps / 2, 0.0, ends)

    return Recall(float(by_chance(family).mean()), optimum(family), float(steps), share)


def met_share(rooms: int, episodes: Any) -> Any:
    """The probability that an episode's room was that of one of so many before it."""
    return 1 - (1 - 1 / rooms) ** episodes


def known_share(met: Any, found: float) -> Any:
    """The probability that a window shows the goal, where it has met its room with `met`."""
    return met * found / (1 - met * (1 - found))


def by_chance(family: TaskFamily) -> np.ndarray:
    """float64 `[tasks, episodes]`: returns of the random policy."""
    return random_returns(family, evenly_spaced(family.num_tasks, MAX_TASKS), RANDOM_EPISODES)


def optimum(family: TaskFamily) -> float:
    """Of who knows the task, mean over tasks."""
    return float(family.optimal_return(evenly_spaced(family.num_tasks, MAX_TASKS)).mean())


RECALLS: Mapping[str, Callable[[Any], Recall]] = {
    "dark-house": of_dark_house,
    "key-to-door": of_key_to_door,
}
