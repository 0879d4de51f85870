"""Replay: the latest steps of a learner's actors, read in stretches.

What is kept of an observation is what rows keep: of a rendered one the pose.

Axes: B stretches, T steps of one, A actors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Stretches(NamedTuple):
    """Steps that followed each other, `[B, T]` each; observations are as rows keep them.

    `had_paid` says whether the episode had paid before the step, `is_end` where an episode ended.
    """

    observation: np.ndarray
    had_paid: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_observation: np.ndarray
    terminated: np.ndarray
    is_end: np.ndarray


class Replay:
    """The last `capacity` steps of each of A actors."""

    def __init__(self, capacity: int, actors: int) -> None:
        self.capacity, self.actors = capacity, actors
        self.num_steps = 0  # of each actor, ever
        self._fields: Stretches | None = None

    def append(self, step: Stretches) -> None:
        """Add a step of each actor, fields `[A, ...]`."""
        if self._fields is None:
            shape = self.capacity, self.actors
            self._fields = Stretches(*(np.zeros((*shape, *f.shape[1:]), f.dtype) for f in step))
        for kept, value in zip(self._fields, step, strict=True):
            kept[self.num_steps % self.capacity] = value
        self.num_steps += 1

    def oldest(self) -> int:
        """The earliest step that is kept."""
        return max(0, self.num_steps - self.capacity)

    def read(self, first: np.ndarray, actor: np.ndarray, length: int) -> Stretches:
        """The stretches of `length` steps of `actor [B]` from step `first [B]` on."""
        assert self._fields is not None, "nothing was appended"
        steps = (first[:, None] + np.arange(length)) % self.capacity
        return Stretches(*(kept[steps, actor[:, None]] for kept in self._fields))


def lambda_returns(
    stretches: Stretches, future: np.ndarray, discount: float, trace: float
) -> np.ndarray:
    """float32 `[B, T]`: what each step is to be worth, where `future` `[B, T]` is what its next
    observation is.

    Behind the end of a stretch, and of an episode that its time limit ended, stands the future
    alone; behind one that is over nothing. Returns are not cut at random actions. Source: Peng &
    Williams 1996.
    """
    returns = np.empty(future.shape, np.float32)
    reached = future[:, -1]
    for t in reversed(range(future.shape[1])):
        looked = np.where(stretches.is_end[:, t], 0.0, trace)
        after = future[:, t] + looked * (reached - future[:, t])
        after = np.where(stretches.terminated[:, t], 0.0, after)
        reached = stretches.reward[:, t] + discount * after
        returns[:, t] = reached
    return returns
