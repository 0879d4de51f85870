"""Environments of every kind of space that write down what happened, for a recorder to agree with.

The trace is kept inside the single environment, so it knows nothing of vectors and their resets.
"""

from __future__ import annotations

import copy

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

LONGEST = 12

SPACES = {
    "discrete": Discrete(7, start=-2),
    "multi-discrete": MultiDiscrete([3, 400]),
    "grid of discrete": MultiDiscrete([[3, 4], [5, 6]], start=[[1, 0], [0, 2]]),
    "multi-binary": MultiBinary([2, 3]),
    "floats": Box(-np.inf, np.inf, (4,), np.float32),
    "doubles": Box(-1.0, 1.0, (2, 2), np.float64),
    "images": Box(0, 255, (6, 5, 3), np.uint8),
    "large images": Box(0, 255, (16, 16, 3), np.uint8),  # are kept once
    "integers": Box(-9, 9, (3,), np.int64),
    "one number": Box(-1.0, 1.0, (), np.float32),
}


class TracedEnv(gymnasium.Env):
    """Random observations of a space, rewards, and ends of both kinds after 1 to LONGEST steps.

    `trace` has a row (observation, action, reward, next observation, terminated, truncated,
    episode's step) for every step.
    """

    action_space = Discrete(3, start=1)

    def __init__(self, space: str = "floats", seed: int = 0) -> None:
        self.observation_space = SPACES[space]
        self.observation_space.seed(seed)
        self.random = np.random.default_rng(seed)
        self.spec = gymnasium.envs.registration.EnvSpec("Traced-v0", max_episode_steps=LONGEST)
        self.trace = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation = self.observation_space.sample()
        self.episode_step = 0
        return self.observation, {}

    def step(self, action):
        before, self.observation = self.observation, self.observation_space.sample()
        reward = float(np.float32(self.random.normal()))
        ends = self.random.random() < 0.2 or self.episode_step == LONGEST - 1
        terminated = bool(ends and self.random.random() < 0.5)
        truncated = bool(ends and not terminated)
        self.trace.append(
            (before, action, reward, self.observation, terminated, truncated, self.episode_step)
        )
        self.episode_step += 1
        return self.observation, reward, terminated, truncated, {}


class Made:
    """Makes a traced environment with a space of its own, in any process."""

    def __init__(self, seed, space="floats"):
        self.seed, self.space = seed, space

    def __call__(self):
        environment = TracedEnv(self.space, seed=self.seed)
        environment.observation_space = copy.deepcopy(environment.observation_space)
        return environment


def encoded(space, observation):
    """An observation as a store keeps it, written out for each kind of space."""
    if isinstance(space, Box):
        return np.asarray(observation, space.dtype)
    if isinstance(space, MultiBinary):
        return np.asarray(observation).ravel()
    return np.atleast_1d(np.asarray(observation) - space.start).ravel()


def assert_history_is_trace(history, environment, *, cut_off=()):
    """`history` is the trace, and ends as truncated the episodes given up after rows `cut_off`."""
    assert len(history["action"]) == len(environment.trace)
    for t, row in enumerate(environment.trace):
        before, action, reward, after, terminated, truncated, episode_step = row
        for name, observation in (("observation", before), ("next_observation", after)):
            expected = encoded(environment.observation_space, observation)
            np.testing.assert_array_equal(history[name][t], expected)
            assert history[name].shape[1:] == expected.shape
        assert history["action"][t] == action - 1
        assert history["reward"][t] == np.float32(reward)
        boundary = 1 if terminated else 2 if truncated or t in cut_off else 0
        assert history["boundary"][t] == boundary
        assert history["episode_step"][t] == episode_step


def step_on(environment, action, num_steps):
    """Steps with one action and a reset wherever an episode ends."""
    for _ in range(num_steps):
        if np.any(environment.step(action)[2:4]):
            environment.reset()
