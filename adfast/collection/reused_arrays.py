"""ReuseWatch: notices where environments that return one array again and again spoil histories.

A recorder copies what it is shown at once, so an array may be used again by the next call. Two
things are too late even then: in SAME_STEP mode the reset that follows an end within the step may
overwrite the final observation, and environments that share an array all show what the last of
them saw. Where the memory can be seen and its content changed, the step is refused; where only the
values look like it, that is said once.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from adfast.errors import InvalidArgument

SUSPICIOUS_ENDS = 16  # all of them like the beginnings that followed
COPIES = "return copies (observation.copy()) from its reset and step"
NEXT_STEP = 'or make the vector environment with autoreset_mode="NextStep"'


class ReuseWatch:
    """Watches the arrays of the vector `environment`; observations are compared as encoded."""

    def __init__(self, environment: VectorEnv, mode: AutoresetMode) -> None:
        base = environment.unwrapped
        self._vector = base if isinstance(base, SyncVectorEnv) else None
        # A wrapper in between returns arrays of its own: the environment's earlier one has to do.
        self._is_transformed = environment is not base
        self._mode = mode
        self._looks_left = 0  # at whether environments share an array: behind a reset, and a step
        self._is_any_shared = False
        self._is_shared = np.zeros(environment.num_envs, bool)
        self._has_varied = np.zeros(environment.num_envs, bool)
        self._earlier: list[Any] = []
        self._num_ends = self._num_alike = 0
        self._has_warned = False

    def begin(self) -> None:
        """All environments were reset."""
        self._looks_left = 2
        self._look()

    def begin_step(self) -> None:
        """A step is about to be taken."""
        if self._mode is AutoresetMode.SAME_STEP:
            self._earlier = self._arrays()

    def require_apart(self, before: np.ndarray, after: np.ndarray) -> None:
        """Raise `InvalidArgument` if environments share an array that a step has changed.

        `before` and `after` are what they saw, `[N, *shape]`.
        """
        if self._looks_left:
            self._look()
        elif not self._is_any_shared:
            return
        shared = np.flatnonzero(self._is_shared)
        if len(shared) and (before[shared] != after[shared]).any():
            raise InvalidArgument(
                f"environments {shared[0]} and {shared[1]} return the same array, so both show "
                f"what the last of them saw; each must {COPIES}"
            )

    def require_final(
        self,
        info: dict[str, Any],
        done: np.ndarray,
        observation: Any,
        before: np.ndarray,
        after: np.ndarray,
        final: np.ndarray,
    ) -> None:
        """Raise `InvalidArgument` if a reset has overwritten what `final` should be.

        `final` `[number of ends, *shape]` is what ended episodes (`done`, bool `[N]`) are said to
        have seen last, `before` what all saw before the step, `after` (returned as `observation`)
        what they see now.
        """
        ended = np.flatnonzero(done)
        rows = tuple(range(1, after.ndim))
        alike = ended[(final == (after if done.all() else after[ended])).all(axis=rows)]
        self._num_ends += len(ended)
        self._num_alike += len(alike)
        if not len(alike):
            return
        self._has_varied[alike] |= (before[alike] != after[alike]).any(axis=rows)
        now = self._arrays()
        for index in alike:
            if not self._is_overwritten(index, info["final_obs"][index], observation, now):
                continue
            what = (
                f"environment {index} returns one array again and again, so the reset that "
                'followed an end has overwritten info["final_obs"]'
            )
            if self._has_varied[index]:
                raise InvalidArgument(f"{what}; {COPIES}, {NEXT_STEP}")
            self._say(f"{what}, unless it is always the same; {COPIES}, {NEXT_STEP}")
        if self._num_alike == self._num_ends >= SUSPICIOUS_ENDS and self._has_varied.any():
            self._say(
                f"each of the first {self._num_ends} episodes ended with the observation that the "
                "next began with: a sign that the environment returns one array again and again, "
                f'and a reset overwrites info["final_obs"]; if so, {COPIES}, {NEXT_STEP}'
            )

    def _is_overwritten(self, index: int, final: Any, observation: Any, now: list[Any]) -> bool:
        """Whether the final observation of an environment lies where its newest one does."""
        if shares_memory(final, observation):
            return True
        if not now:
            return False
        earlier = self._earlier[index] if self._is_transformed else final
        return shares_memory(earlier, now[index]) or shares_memory(final, now[index])

    def _arrays(self) -> list[Any]:
        """What the single environments returned last, as far as that can be seen."""
        return list(getattr(self._vector, "_env_obs", ()))

    def _look(self) -> None:
        """Find the environments that share an array."""
        self._looks_left -= 1
        first: dict[int, int] = {}
        for index, array in enumerate(self._arrays()):
            if isinstance(array, np.ndarray) and array.size:
                other = first.setdefault(array.__array_interface__["data"][0], index)
                if other != index:
                    self._is_shared[[other, index]] = self._is_any_shared = True

    def _say(self, message: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(message, stacklevel=4)


def shares_memory(one: Any, other: Any) -> bool:
    """Whether both are arrays, and overlap in memory."""
    return (
        isinstance(one, np.ndarray)
        and isinstance(other, np.ndarray)
        and np.may_share_memory(one, other)
    )
