"""EpisodeRecorder: what a batch of environments did, as arrays by episode and step.

Axes: N environments, E episodes, S steps of the longest possible episode, C components.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from adfast.simulators import StepResult
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
    step_dtype,
)


@dataclass(frozen=True)
class Trajectories:
    """What happened; observations have one row more than steps, the episode's final one.

    `observation` `[tasks, seeds, episodes, steps + 1, components]`, `action` and `reward`
    `[tasks, seeds, episodes, steps]`. `length` int32 `[tasks, seeds, episodes]` counts the steps
    that an episode lasted and `boundary` uint8 says what ended it; the steps after it repeat the
    last observation, with action 0 and reward 0.
    """

    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    length: np.ndarray
    boundary: np.ndarray

    @property
    def returns(self) -> np.ndarray:
        """float64 `[tasks, seeds, episodes]`: the sum of each episode's rewards."""
        return np.asarray(self.reward.sum(axis=-1, dtype=np.float64))

    def select(self, tasks: slice) -> Trajectories:
        """Those of a slice of the tasks."""
        return Trajectories(*(getattr(self, field.name)[tasks] for field in fields(self)))

    def history(self, task: int, seed: int) -> dict[str, np.ndarray]:
        """What the agent read in one task and seed: a learning history, its fields `[T, ...]`.

        Episodes follow each other without what pads the shorter ones.
        """
        length = self.length[task, seed]
        steps = np.arange(self.action.shape[-1])
        is_played = steps < length[:, None]
        observation = self.observation[task, seed]
        is_last = steps == length[:, None] - 1
        boundary = np.where(is_last, self.boundary[task, seed][:, None], BOUNDARY_INSIDE)
        arrays = {
            "observation": observation[:, :-1],
            "action": self.action[task, seed],
            "reward": self.reward[task, seed],
            "next_observation": observation[:, 1:],
            "boundary": boundary.astype(np.uint8),
            "episode_step": np.broadcast_to(steps.astype(step_dtype(len(steps))), is_played.shape),
        }
        return {name: array[is_played] for name, array in arrays.items()}


class EpisodeRecorder:
    """Collects the first `num_episodes` episodes of each of `num_environments` environments."""

    def __init__(self, schema: TransitionSchema, num_environments: int, num_episodes: int) -> None:
        steps = schema.episode_length
        shape = (num_environments, num_episodes, steps)
        stored = schema.observation.stored
        self._observation = np.zeros(
            (num_environments, num_episodes, steps + 1, *stored.shape), stored.dtype
        )
        self._action = np.zeros(shape, np.uint8)
        self._reward = np.zeros(shape, schema.reward_dtype)
        self._length = np.zeros(shape[:2], np.int32)
        self._boundary = np.zeros(shape[:2], np.uint8)
        self._episode = np.zeros(num_environments, np.int64)
        self._step = np.zeros(num_environments, np.int64)

    @property
    def fewest_episodes(self) -> int:
        """Episodes that the slowest environment has finished."""
        return int(self._episode.min())

    def begin(self, observation: np.ndarray) -> None:
        """Take in the first observation `[N, C]`."""
        self._observation[:, 0, 0] = observation

    def add(self, actions: np.ndarray, result: StepResult) -> bool:
        """Take in one step of all environments; True when `fewest_episodes` has grown."""
        fewest = self.fewest_episodes
        n = np.flatnonzero(self._episode < self._action.shape[1])
        e, s = self._episode[n], self._step[n]
        done = (result.terminated | result.truncated)[n]
        reached = result.final_observation[n]
        self._action[n, e, s] = actions[n]
        self._reward[n, e, s] = result.reward[n]
        self._observation[n, e, s + 1] = reached
        for ended in np.flatnonzero(done & (s + 2 < self._observation.shape[2])):
            self._observation[n[ended], e[ended], s[ended] + 2 :] = reached[ended]
        self._length[n, e] = s + 1
        self._boundary[n[done], e[done]] = np.where(
            result.terminated[n[done]], BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED
        )
        self._step[n] = np.where(done, 0, s + 1)
        self._episode[n] += done
        starting = n[done & (e + 1 < self._action.shape[1])]
        self._observation[starting, self._episode[starting], 0] = result.observation[starting]
        return self.fewest_episodes > fewest

    def trajectories(self, num_tasks: int, num_seeds: int) -> Trajectories:
        """The record of environments that are ordered by task, then seed."""
        leading = (num_tasks, num_seeds)
        return Trajectories(
            *(
                values.reshape(leading + values.shape[1:])
                for values in (
                    self._observation,
                    self._action,
                    self._reward,
                    self._length,
                    self._boundary,
                )
            )
        )
