"""Plain-Python twin of random worlds, one at a time, and their optimum by recursion."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete

from reference.dark_room import DarkRoomReferenceEnv
from reference.random_streams import (
    ENVIRONMENT_RESET,
    ENVIRONMENT_STEP,
    TASK_CONTENT,
    bounded,
    step_key,
    stream_key,
)


class RandomWorldReference:
    """One environment of world `task_id`, in random stream `random_stream` of `seed`."""

    def __init__(
        self,
        task_id,
        states=16,
        actions=5,
        branching=3,
        slip=0.25,
        reward_density=0.0,
        start="fixed",
        episode_length=20,
        worlds=16384,
        seed=0,
        random_stream=0,
    ):
        assert task_id < worlds
        self.states, self.num_actions, self.branching = states, actions, branching
        self.episode_length, self.start = episode_length, start
        world = stream_key(0, TASK_CONTENT, task_id)
        goal = bounded(step_key(*world, 2**32 - 1), states)
        others = [(goal + 1 + further) % states for further in range(states - 1)]
        self.first_state = others[bounded(step_key(*world, 2**32 - 2), states - 1)]
        self.paying = {goal} | {
            state
            for state in range(states)
            if step_key(*world, 2**31 + state) < round(reward_density * 2**32)
        }
        self.successors = [
            [
                [
                    bounded(step_key(*world, (state * actions + action) * branching + b), states)
                    for b in range(branching)
                ]
                for action in range(actions)
            ]
            for state in range(states)
        ]
        further = branching - 1
        # Keys from limits[b] on lead to branch b + 1.
        self.limits = [
            round(((1 - slip) + slip * b / further) * 2**32) for b in range(further if slip else 0)
        ]
        self.resets = stream_key(seed, ENVIRONMENT_RESET, random_stream)
        self.steps_stream = stream_key(seed, ENVIRONMENT_STEP, random_stream)
        self.episodes = -1

    def reset(self):
        """The state's number."""
        self.steps = 0
        self.episodes += 1
        self.state = self.first_state
        if self.start == "random":
            self.state = bounded(step_key(*self.resets, self.episodes), self.states)
        return (self.state,)

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        clock = self.episodes * self.episode_length + self.steps
        key = step_key(*self.steps_stream, clock)
        branch = sum(key >= limit for limit in self.limits)
        self.state = self.successors[self.state][action][branch]
        self.steps += 1
        truncated = self.steps == self.episode_length
        return (self.state,), int(self.state in self.paying), False, truncated

    def optimum(self):
        """The greatest expected return of an episode."""
        bounds = [0, *self.limits, 2**32]
        shares = [(high - low) / 2**32 for low, high in pairwise(bounds)]

        @cache
        def value(state, steps_left):
            if steps_left == 0:
                return 0.0
            return max(
                sum(
                    share * ((after in self.paying) + value(after, steps_left - 1))
                    for share, after in zip(shares, leads_to, strict=False)
                )
                for leads_to in self.successors[state]
            )

        starts = range(self.states) if self.start == "random" else [self.first_state]
        return sum(value(state, self.episode_length) for state in starts) / len(starts)


class RandomWorldReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment."""

    reference = RandomWorldReference

    def __init__(self, task_id=0, **options):
        self.task_id, self.options = task_id, options
        self.room = self.reference(task_id, **options)
        self.dtype = np.uint8 if self.room.states <= 256 else np.uint16
        self.observation_space = MultiDiscrete([self.room.states], dtype=self.dtype)
        self.action_space = Discrete(self.room.num_actions)


VARIANTS = {
    "random-world": {},
    "deterministic": {"states": 7, "branching": 1, "episode_length": 9, "worlds": 40},
    "never-slips": {"states": 5, "actions": 2, "slip": 0, "reward_density": 0.2},
    "always-slips": {"states": 300, "actions": 3, "branching": 5, "slip": 1, "start": "random"},
    "two-states": {"states": 2, "actions": 1, "branching": 2, "slip": 0.9, "episode_length": 5},
    "all-pay": {"states": 3, "reward_density": 1, "start": "random", "episode_length": 4},
}
