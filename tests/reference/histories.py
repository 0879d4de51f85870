"""Plain-Python twin of the layout of a history: one list per field of the schema."""

from __future__ import annotations


class HistoryWriter:
    """Appends transitions as rows of the schema's fields."""

    def __init__(self):
        self.fields = {
            "observation": [],
            "action": [],
            "reward": [],
            "next_observation": [],
            "boundary": [],
            "episode_step": [],
        }

    def append(self, observation, action, reward, after, terminated, truncated, episode_step):
        boundary = 1 if terminated else 2 if truncated else 0
        row = (observation, action, reward, after, boundary, episode_step)
        for column, value in zip(self.fields.values(), row, strict=True):
            column.append(value)
