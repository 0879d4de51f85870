"""IdealLearner: the best that is known for who begins ignorant of the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np


class IdealLearner(Protocol):
    """The best that is known for who begins ignorant of the task."""

    def returns(self, task_ids: np.ndarray, episodes: int) -> np.ndarray:
        """float64 `[N, episodes]`: its return in each episode on the tasks."""
        ...


class IdealRules(NamedTuple):
    """What an ideal learner does, as pure scalar functions marked `@register_jitable`.

    `memory` is float64, of which the first `memory_size` values are the learner's own; `seen` and
    `seen_next` number the observations.

    `begin(memory)` prepares a new history, `begin_episode(memory)` each of its episodes.
    `intend(memory, seen, episode_step) -> action`, which changes no memory, is what to do now.
    `learn(memory, seen, action, reward, seen_next)` takes in what was done, which may be another
    action than was intended: the next one is meant for where that has led.
    """

    memory_size: int
    begin: Callable[..., Any]
    begin_episode: Callable[..., Any]
    intend: Callable[..., Any]
    learn: Callable[..., Any]


@runtime_checkable
class ActingIdealLearner(IdealLearner, Protocol):
    """An ideal learner that can also be asked what it would do, wherever it was led."""

    def rules(self) -> IdealRules:
        """What it does."""
        ...
