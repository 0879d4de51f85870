"""Plain-Python twin of Dark House: a Dark Room per episode, with the goal of the room drawn."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import MultiDiscrete

from reference.dark_room import DarkRoomReference, DarkRoomReferenceEnv
from reference.random_streams import TASK_CONTENT, bounded, step_key, stream_key, subkey


def goal_of(house, room, size):
    """The goal (row, column) of one room of one house."""
    return divmod(bounded(step_key(*stream_key(0, TASK_CONTENT, house), room), size * size), size)


class DarkHouseReference(DarkRoomReference):
    """One environment of house `task_id`, in random stream `random_stream` of `seed`."""

    def __init__(self, task_id, rooms=8, houses=1024, **options):
        super().__init__(0, **options)
        assert task_id < houses
        self.house = task_id
        self.rooms = rooms

    def reset(self):
        """The observation (row, column, room) in which the next episode starts."""
        self.room = bounded(subkey(step_key(*self.stream, self.episodes), 1), self.rooms)
        self.goal = goal_of(self.house, self.room, self.size)
        return (*super().reset(), self.room)

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        cell, *outcome = super().step(action)
        return (*cell, self.room), *outcome


class DarkHouseReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment: what a user would write, and the simulator's rival."""

    reference = DarkHouseReference

    def __init__(self, task_id=0, **options):
        super().__init__(task_id, **options)
        sizes = [self.room.size, self.room.size, self.room.rooms]
        self.dtype = np.uint8 if max(sizes) <= 256 else np.uint16
        self.observation_space = MultiDiscrete(sizes, dtype=self.dtype)


# What correctness tests run: options of both families together, in few compilations.
VARIANTS = {
    "dark-house": {"size": 5, "episode_length": 10},
    "one-room": {"size": 4, "rooms": 1, "houses": 40},
    "hard": {"size": 6, "rooms": 3, "houses": 40, "start": "random", "reward": "once"}
    | {"action_order": "dpt"},
    "terminating": {"size": 3, "rooms": 300, "houses": 40, "terminate_at_goal": True},
}
