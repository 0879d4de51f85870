"""Plain-Python twin of Bernoulli bandits, one at a time."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete

from reference.dark_room import DarkRoomReferenceEnv
from reference.random_streams import (
    ENVIRONMENT_STEP,
    TASK_CONTENT,
    bounded,
    step_key,
    stream_key,
)


def arm_means(task_id, arms=10, means="uniform", bias=0.95):
    """The probability that each arm pays, in units of 2**-32."""
    stream = stream_key(0, TASK_CONTENT, task_id)
    drawn = [step_key(*stream, arm) for arm in range(arms)]
    if means != "uniform":
        is_favoured = step_key(*stream, 256) * 2.0**-32 < bias
        wanted = means if is_favoured else {"odd": "even", "even": "odd"}[means]
        candidates = range(1, arms, 2) if wanted == "odd" else range(0, arms, 2)
        place = candidates[bounded(step_key(*stream, 257), len(candidates))]
        best = drawn.index(max(drawn))
        drawn[best], drawn[place] = drawn[place], drawn[best]
    return drawn


class BanditReference:
    """One environment of bandit `task_id`, in random stream `random_stream` of `seed`."""

    def __init__(
        self,
        task_id,
        arms=10,
        means="uniform",
        bias=0.95,
        bandits=16384,
        episode_length=1,
        seed=0,
        random_stream=0,
    ):
        assert task_id < bandits
        self.num_actions, self.episode_length = arms, episode_length
        self.means = arm_means(task_id, arms, means, bias)
        self.stream = stream_key(seed, ENVIRONMENT_STEP, random_stream)
        self.episodes = -1

    def reset(self):
        """The one observation."""
        self.steps = 0
        self.episodes += 1
        return (0,)

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        key = step_key(*self.stream, self.episodes * self.episode_length + self.steps)
        self.steps += 1
        return (0,), int(key < self.means[action]), False, self.steps == self.episode_length


class BanditReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment."""

    reference = BanditReference

    def __init__(self, task_id=0, **options):
        self.task_id, self.options = task_id, options
        self.room = self.reference(task_id, **options)
        self.dtype = np.uint8
        self.observation_space = MultiDiscrete([1], dtype=self.dtype)
        self.action_space = Discrete(self.room.num_actions)


VARIANTS = {
    "bandit": {},
    "odd": {"means": "odd", "bandits": 40},
    "even": {"arms": 3, "means": "even", "episode_length": 7, "bias": 0.5},
    "two-arms": {"arms": 2, "means": "odd", "bias": 1, "episode_length": 3},
    "many-arms": {"arms": 255, "means": "even", "episode_length": 2},
}
