"""Plain-Python twin of Dark Key-to-Door: a Dark Room with a key to take before the door pays."""

from __future__ import annotations

from gymnasium.spaces import MultiDiscrete

from reference.dark_room import DarkRoomReference, DarkRoomReferenceEnv


class KeyToDoorReference(DarkRoomReference):
    """One environment of task `task_id`, in random stream `random_stream` of `seed`."""

    def __init__(
        self,
        task_id,
        size=9,
        episode_length=50,
        start="random",
        key_observed=False,
        terminate_at_goal=False,
        **options,
    ):
        super().__init__(0, size=size, episode_length=episode_length, start=start, **options)
        key, door = divmod(task_id, size * size)
        self.key, self.door = divmod(key, size), divmod(door, size)
        self.key_observed, self.ends_at_door = key_observed, terminate_at_goal

    @property
    def observation(self):
        """The cell, by option with whether the key was taken."""
        return (*self.cell, int(self.has_key)) if self.key_observed else self.cell

    @property
    def state(self):
        """What a learner that reads the state sees: the cell, and how far the episode has come."""
        return (*self.cell, int(self.has_key) + int(self.has_opened))

    def reset(self):
        """The observation in which the next episode starts."""
        self.has_key = self.has_opened = False
        super().reset()
        return self.observation

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        super().step(action)
        reward = 0
        if self.cell == self.key and not self.has_key:
            self.has_key = True
            reward += 1
        opens = self.cell == self.door and self.has_key and not self.has_opened
        if opens:
            self.has_opened = True
            reward += 1
        terminated = opens and self.ends_at_door
        truncated = self.steps == self.episode_length and not terminated
        return self.observation, reward, terminated, truncated


class KeyToDoorReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment."""

    reference = KeyToDoorReference

    def __init__(self, task_id=0, **options):
        super().__init__(task_id, **options)
        size = self.room.size
        sizes = [size, size, 2] if self.room.key_observed else [size, size]
        self.observation_space = MultiDiscrete(sizes, dtype=self.dtype)


VARIANTS = {
    "key-to-door": {},
    "peers": {"size": 8, "episode_length": 40, "terminate_at_goal": True, "start": "corner"},
    "observed": {"size": 3, "episode_length": 20, "key_observed": True, "start": "centre"},
    "explicit-start": {"size": 4, "start": (0, 2), "action_order": "dpt", "key_observed": True},
}
