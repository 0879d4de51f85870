"""Plain-Python twin of Dark Room: the definition, one environment at a time."""

from __future__ import annotations

import gymnasium
import numpy as np

from reference.random_streams import (
    ENVIRONMENT_RESET,
    bounded,
    step_key,
    stream_key,
    subkey,
)

DISPLACEMENTS = {
    "adfast": [(0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)],
    "dpt": [(1, 0), (-1, 0), (0, 1), (0, -1), (0, 0)],
}


class DarkRoomReference:
    """One environment of task `task_id`, in random stream `random_stream` of `seed`."""

    num_actions = 5

    def __init__(
        self,
        task_id,
        size=9,
        episode_length=20,
        start="centre",
        reward="every-step",
        terminate_at_goal=False,
        action_order="adfast",
        seed=0,
        random_stream=0,
    ):
        self.goal = divmod(task_id, size)
        self.size = size
        self.episode_length = episode_length
        self.start = {"centre": (size // 2, size // 2), "corner": (0, 0)}.get(start, start)
        self.reward = reward
        self.terminate_at_goal = terminate_at_goal
        self.displacements = DISPLACEMENTS[action_order]
        self.stream = stream_key(seed, ENVIRONMENT_RESET, random_stream)
        self.episodes = 0

    @property
    def state(self):
        """What the family's functions hold of it."""
        return (*self.cell, int(self.paid)) if self.reward == "once" else self.cell

    def reset(self):
        """The observation (row, column) in which the next episode starts."""
        key = step_key(*self.stream, self.episodes)
        self.cell = self.start
        if self.start == "random":
            self.cell = bounded(key, self.size), bounded(subkey(key, 0), self.size)
        self.episodes += 1
        self.steps = 0
        self.paid = False
        return self.cell

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        row, column = self.cell
        down, right = self.displacements[action]
        if 0 <= row + down < self.size:
            row += down
        if 0 <= column + right < self.size:
            column += right
        self.cell = row, column
        self.steps += 1
        reward = int(self.cell == self.goal and not (self.paid and self.reward == "once"))
        self.paid = self.paid or reward == 1
        terminated = self.terminate_at_goal and reward == 1
        truncated = not terminated and self.steps == self.episode_length
        return self.cell, reward, terminated, truncated


class DarkRoomReferenceEnv(gymnasium.Env):
    """The twin as a Gymnasium environment: what a user would write, and the simulator's rival."""

    reference = DarkRoomReference

    def __init__(self, task_id=0, **options):
        self.task_id = task_id
        self.options = options
        self.room = self.reference(task_id, **options)
        size = self.room.size
        self.dtype = np.uint8
        self.observation_space = gymnasium.spaces.MultiDiscrete([size, size], dtype=self.dtype)
        self.action_space = gymnasium.spaces.Discrete(self.reference.num_actions)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.room = self.reference(self.task_id, **self.options, random_stream=seed)
        return np.array(self.room.reset(), self.dtype), {}

    def step(self, action):
        observation, reward, terminated, truncated = self.room.step(action)
        return np.array(observation, self.dtype), float(reward), terminated, truncated, {}


# What correctness tests and benchmarks run: every option, in as few compilations as will do.
VARIANTS = {
    "dark-room": {},
    "hard": {"size": 17, "reward": "once"},
    "dpt": {"size": 10, "episode_length": 100, "start": "corner", "action_order": "dpt"},
    "terminating": {"size": 5, "start": "random", "terminate_at_goal": True},
    "explicit-start": {"size": 3, "start": (0, 2), "reward": "once", "terminate_at_goal": True},
}
