"""Plain-Python twin of Frozen Lake: a map of letters, drawn until it can be crossed."""

from __future__ import annotations

from reference.dark_room import DarkRoomReferenceEnv
from reference.random_streams import (
    ENVIRONMENT_STEP,
    TASK_CONTENT,
    bounded,
    step_key,
    stream_key,
    uniform,
)

MAPS = {
    4: ["SFFF", "FHFH", "FFFH", "HFFG"],
    8: [
        "SFFFFFFF",
        "FFFFFFFF",
        "FFFHFFFF",
        "FFFFFHFF",
        "FFFHFFFF",
        "FHHFFFHF",
        "FHFFHFHF",
        "FFFHFFFG",
    ],
}
MOVES = {0: (0, -1), 1: (1, 0), 2: (0, 1), 3: (-1, 0)}  # left, down, right, up


def drawn_map(task_id, size, frozen_probability):
    """The rows of a lake's map, S start, F frozen, H hole, G goal."""
    stream = stream_key(0, TASK_CONTENT, task_id)
    step = 0
    while True:
        letters = [
            "F" if uniform(step_key(*stream, step + cell)) < frozen_probability else "H"
            for cell in range(size * size)
        ]
        letters[0], letters[-1] = "S", "G"
        rows = ["".join(letters[row * size : (row + 1) * size]) for row in range(size)]
        if can_be_crossed(rows):
            return rows
        step += size * size


def can_be_crossed(rows):
    """Whether a path over frozen cells leads from start to goal."""
    frontier, seen = [(0, 0)], set()
    while frontier:
        row, column = frontier.pop()
        if not (0 <= row < len(rows) and 0 <= column < len(rows)) or (row, column) in seen:
            continue
        if rows[row][column] == "H":
            continue
        seen.add((row, column))
        frontier += [(row + down, column + right) for down, right in MOVES.values()]
    return (len(rows) - 1, len(rows) - 1) in seen


class FrozenLakeReference:
    """One environment of lake `task_id`, in random stream `random_stream` of `seed`."""

    num_actions = 4

    def __init__(
        self,
        task_id,
        size=4,
        episode_length=100,
        is_slippery=True,
        layout="generated",
        frozen_probability=0.8,
        lakes=1024,
        seed=0,
        random_stream=0,
    ):
        assert task_id < (lakes if layout == "generated" else 1)
        self.map = (
            MAPS[size] if layout == "gymnasium" else drawn_map(task_id, size, frozen_probability)
        )
        self.size, self.episode_length, self.is_slippery = size, episode_length, is_slippery
        self.stream = stream_key(seed, ENVIRONMENT_STEP, random_stream)
        self.clock_length = episode_length  # by which the clock counts an episode
        self.episodes = -1

    def reset(self):
        """The first cell."""
        self.cell, self.steps = (0, 0), 0
        self.episodes += 1
        return self.cell

    def after(self, cell, move):
        """The cell that a move leads to."""
        moved = (place + way for place, way in zip(cell, MOVES[move], strict=True))
        return tuple(min(max(place, 0), self.size - 1) for place in moved)

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        key = step_key(*self.stream, self.episodes * self.clock_length + self.steps)
        if self.is_slippery:
            action = (action + (-1, 0, 1)[bounded(key, 3)]) % 4
        self.cell = self.after(self.cell, action)
        self.steps += 1
        letter = self.map[self.cell[0]][self.cell[1]]
        terminated = letter in "HG"
        truncated = self.steps == self.episode_length and not terminated
        return self.cell, int(letter == "G"), terminated, truncated


class FrozenLakeReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment."""

    reference = FrozenLakeReference


VARIANTS = {
    "frozen-lake": {"size": 4},
    "firm": {"size": 5, "episode_length": 12, "is_slippery": False},
    "gymnasium": {"size": 8, "layout": "gymnasium"},
    "large": {"size": 11, "episode_length": 60, "frozen_probability": 0.95, "lakes": 40},
}
