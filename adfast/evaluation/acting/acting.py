"""Acting: what stands behind an agent's checks. It takes in what actions brought and chooses anew.

`host_step.HostStep` and `device_step.DeviceStep` do it with a model, `TransitionAgent`s by hand.

Axes: N environments, C observation components, A actions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

import numpy as np

from adfast.errors import InvalidArgument


@dataclass(frozen=True)
class Outcome:
    """What the last actions brought to the environments that go on, checked.

    `continues` bool `[N]` marks them; nothing is read of the others. `reward` `[N]`, `terminated`
    bool `[N]`, `done` bool `[N]` (only where `continues`: an episode ended, by the task or by a
    limit), `final_observation` as observations are, read where `done`.
    """

    continues: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    done: np.ndarray
    final_observation: np.ndarray


class Situation(NamedTuple):
    """What actions are chosen on: the arguments of `Acting`, with `episode_step` int64 `[N]` known.

    Where an environment is not `active` its `episode_step` is 0. `return_to_go`, float64 `[N]`, is
    there where a return is asked for: what of it is still to be earned.
    """

    observation: np.ndarray
    outcome: Outcome | None
    active: np.ndarray | None
    episode_step: np.ndarray
    return_to_go: np.ndarray | None = None


class Acting(ABC):
    """Acts in N environments, each with a history of its own, in episodes of a limited length.

    Where there is a `target_return` it is asked for in every episode.
    """

    def __init__(
        self, num_environments: int, episode_length: int, target_return: float | None = None
    ) -> None:
        self._episode_length = episode_length
        self._target_return = target_return
        self._return_to_go = np.full(num_environments, target_return or 0.0)  # of the last choice
        self._episode_step = np.zeros(num_environments, np.int64)  # of the next choice

    def reset(self, mask: np.ndarray | None) -> None:
        """Begin a new history in the environments of `mask` (bool `[N]`), or in all."""
        self._forget(mask)
        self._episode_step[... if mask is None else mask] = 0
        self._return_to_go[... if mask is None else mask] = self._target_return or 0.0

    def __call__(
        self,
        observation: np.ndarray,
        outcome: Outcome | None,
        active: np.ndarray | None = None,
        episode_step: np.ndarray | None = None,
    ) -> np.ndarray:
        """The actions int64 `[N]` on `observation`; no outcome if all begin.

        Observations are as `ObservationSpec.read` has them, `[N, *shape]`.
        Environments outside `active` (bool `[N]`; None: all are in it) stay where they are, and
        their actions mean nothing. Where an `episode_step` int64 `[N]` is given it says which step
        of its episode this is, which is counted otherwise.
        """
        now = self._episode_step.copy()
        if outcome is not None:
            now[outcome.done] = 0
        if episode_step is not None:
            now = episode_step if active is None else np.where(active, episode_step, now)
        # Where an episode is over, its step has no meaning.
        shown = now if active is None else np.where(active, now, 0)
        if shown.max() >= self._episode_length:
            self._refuse_step(shown)
        to_go = self._still_to_earn(outcome, shown, active)
        actions = self._choose(Situation(observation, outcome, active, shown, to_go))
        self._episode_step = now + (1 if active is None else active)
        if to_go is not None:
            self._return_to_go = to_go
        return actions

    def _still_to_earn(
        self, outcome: Outcome | None, episode_step: np.ndarray, active: np.ndarray | None
    ) -> np.ndarray | None:
        """float64 `[N]`: what is left of the target; None where nothing is asked for."""
        if self._target_return is None:
            return None
        to_go = self._return_to_go
        if outcome is not None:
            to_go = to_go - np.where(outcome.continues, outcome.reward, 0)
        begins = (episode_step == 0) & (True if active is None else active)
        return np.where(begins, self._target_return, to_go)

    def _refuse_step(self, episode_step: np.ndarray) -> NoReturn:
        """Raise `InvalidArgument` for the first `episode_step` that is no step of an episode."""
        environment = int(np.flatnonzero(episode_step >= self._episode_length)[0])
        raise InvalidArgument(
            f"episode_step must be in 0..{self._episode_length - 1} by the episode_length of the "
            f"agent's schema, got {episode_step[environment]} in environment {environment}; "
            "end episodes there, with terminated or truncated"
        )

    @abstractmethod
    def take_over(self, actions: np.ndarray, mask: np.ndarray) -> None:
        """In the environments of `mask` (bool `[N]`) `actions` were taken, not the last chosen."""

    @abstractmethod
    def logits(self) -> np.ndarray:
        """Float `[N, A]`: what the last actions were drawn by; of inactive rows, anything."""

    @abstractmethod
    def _forget(self, mask: np.ndarray | None) -> None:
        """Drop the histories of the environments of `mask` (bool `[N]`), or of all."""

    @abstractmethod
    def _choose(self, now: Situation) -> np.ndarray:
        """The actions int64 `[N]`, as `__call__` has them."""
