"""Plain-Python twin of Cliff Walking: a map of letters, and a way back to its start."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete

from reference.dark_room import DarkRoomReferenceEnv
from reference.random_streams import ENVIRONMENT_STEP, TASK_CONTENT, bounded, step_key, stream_key

MOVES = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}  # up, right, down, left


def drawn_map(task_id, rows, columns):
    """The rows of a map, S start, G goal, C cliff and . ground; task 0 has the classic one."""
    stream = stream_key(0, TASK_CONTENT, task_id)
    heights = [bounded(step_key(*stream, column), rows) for column in range(1, columns - 1)]
    ends = "GS" if step_key(*stream, 0) >= 2**31 else "SG"
    if task_id == 0:
        heights, ends = [1] * (columns - 2), "SG"
    lines = []
    for row in range(rows):
        ground = "".join("C" if rows - row <= height else "." for height in heights)
        left, right = ends if row == rows - 1 else ".."
        lines.append(left + ground + right)
    return lines


class CliffWalkingReference:
    """One environment of cliff `task_id`, in random stream `random_stream` of `seed`."""

    num_actions = 4

    def __init__(
        self,
        task_id,
        rows=4,
        columns=12,
        episode_length=100,
        is_slippery=False,
        layout="generated",
        cliffs=1024,
        seed=0,
        random_stream=0,
    ):
        assert task_id < (cliffs if layout == "generated" else 1)
        self.map = drawn_map(task_id, rows, columns)
        self.start = rows - 1, self.map[-1].index("S")
        self.episode_length, self.is_slippery = episode_length, is_slippery
        self.stream = stream_key(seed, ENVIRONMENT_STEP, random_stream)
        self.episodes = -1

    def reset(self):
        """The start."""
        self.cell, self.steps = self.start, 0
        self.episodes += 1
        return self.cell

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        key = step_key(*self.stream, self.episodes * self.episode_length + self.steps)
        if self.is_slippery:
            action = (action + (-1, 0, 1)[bounded(key, 3)]) % 4
        row, column = (place + way for place, way in zip(self.cell, MOVES[action], strict=True))
        self.cell = min(max(row, 0), len(self.map) - 1), min(max(column, 0), len(self.map[0]) - 1)
        letter = self.map[self.cell[0]][self.cell[1]]
        reward = -1
        if letter == "C":
            self.cell, reward = self.start, -100
        self.steps += 1
        terminated = letter == "G"
        truncated = self.steps == self.episode_length and not terminated
        return self.cell, reward, terminated, truncated


class CliffWalkingReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment: what a user would write, and the simulator's rival."""

    reference = CliffWalkingReference

    def __init__(self, task_id=0, **options):
        self.task_id, self.options = task_id, options
        self.room = self.reference(task_id, **options)
        self.dtype = np.uint8
        sizes = [len(self.room.map), len(self.room.map[0])]
        self.observation_space = MultiDiscrete(sizes, dtype=self.dtype)
        self.action_space = Discrete(self.reference.num_actions)


VARIANTS = {
    "cliff-walking": {"episode_length": 30},
    "slippery": {"rows": 3, "columns": 5, "is_slippery": True, "cliffs": 40},
    "gymnasium": {"layout": "gymnasium"},
    "large": {"rows": 9, "columns": 21, "episode_length": 60, "cliffs": 40},
}
