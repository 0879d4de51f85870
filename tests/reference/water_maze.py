"""Plain-Python twin of the water maze, one environment at a time."""

from __future__ import annotations

import math

import numpy as np
from gymnasium.spaces import Box, Discrete

from reference.dark_room import DarkRoomReferenceEnv
from reference.random_streams import ENVIRONMENT_RESET, bounded, step_key, stream_key
from reference.water_maze_scene import WaterMazeSceneReference

CENTRE = 768 * 16
SINE_ONE = 16384
LIMIT = (760 - 16) * 16


def sine(degrees):
    return round(math.sin(math.radians(degrees)) * SINE_ONE)


def part(length, sine_of_angle):
    """So much of a length, rounded."""
    return (length * sine_of_angle + SINE_ONE // 2) // SINE_ONE


class WaterMazeReference:
    """One environment of platform `task_id`, in random stream `random_stream` of `seed`."""

    num_actions = 8

    def __init__(
        self,
        task_id,
        picture=(72, 96),
        field_of_view=90,
        episode_length=50,
        stride=20,
        turn=72,
        first_heading="fixed",
        platform_spacing=32,
        least_distance=0,
        terminate_at_goal=False,
        cell_side=0,  # of a learner's table: no step asks for it
        seed=0,
        random_stream=0,
    ):
        self.picture, self.field_of_view = picture, field_of_view
        self.episode_length, self.stride, self.turn = episode_length, stride, turn
        self.first_heading, self.terminate_at_goal = first_heading, terminate_at_goal
        line = [place for place in range(-580, 581) if place % platform_spacing == 0]
        platforms = [
            (east, north)
            for north in line
            for east in line
            if least_distance**2 <= east**2 + north**2 <= 580**2
        ]
        self.platform = platforms[task_id]
        self.resets = stream_key(seed, ENVIRONMENT_RESET, random_stream)
        self.episodes = -1

    def reset(self):
        """x, y and heading."""
        self.steps = 0
        self.episodes += 1
        self.east = self.north = self.heading = 0
        self.paid = False
        if self.first_heading == "random":
            headings = sorted({turns * self.turn % 360 for turns in range(360)})
            drawn = bounded(step_key(*self.resets, self.episodes), len(headings))
            self.heading = headings[drawn]
        return self.pose()

    def pose(self):
        return CENTRE + self.east, CENTRE + self.north, self.heading

    def step(self, action):
        """Pose, reward, terminated, truncated."""
        if action in (4, 6):
            self.heading = (self.heading + self.turn) % 360
        if action in (5, 7):
            self.heading = (self.heading - self.turn) % 360
        aside = {0: 0, 1: 180, 2: 90, 3: 270, 6: 0, 7: 0}
        if action in aside:
            self.walk(self.heading + aside[action])
        east, north = (16 * place for place in self.platform)
        is_there = (self.east - east) ** 2 + (self.north - north) ** 2 <= (64 * 16) ** 2
        reward = int(is_there and not self.paid)
        self.paid = self.paid or is_there
        self.steps += 1
        terminated = bool(reward and self.terminate_at_goal)
        truncated = self.steps == self.episode_length and not terminated
        return self.pose(), reward, terminated, truncated

    def walk(self, direction):
        """One stride, and out of every wall again, straight away from it."""
        length = self.stride * 16
        self.east += part(length, sine((direction + 90) % 360))
        self.north += part(length, sine(direction % 360))
        for wall in range(16):
            towards = sine(wall * 22.5 + 90), sine(wall * 22.5)
            along = self.east * towards[0] + self.north * towards[1]
            beyond = (along + SINE_ONE // 2) // SINE_ONE - LIMIT
            if beyond > 0:
                self.east -= part(beyond, towards[0])
                self.north -= part(beyond, towards[1])


class WaterMazeReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment: what is seen are pictures."""

    reference = WaterMazeReference

    def __init__(self, task_id=0, **options):
        self.task_id, self.options = task_id, options
        self.room = self.reference(task_id, **options)
        self.scene = WaterMazeSceneReference(self.room.picture, self.room.field_of_view)
        self.observation_space = Box(0, 255, (*self.room.picture, 3), np.uint8)
        self.action_space = Discrete(self.room.num_actions)

    def reset(self, *, seed=None, options=None):
        super(DarkRoomReferenceEnv, self).reset(seed=seed)
        if seed is not None:
            self.room = self.reference(self.task_id, **self.options, random_stream=seed)
        return self.scene.frame(*self.room.reset()), {}

    def step(self, action):
        pose, reward, terminated, truncated = self.room.step(action)
        return self.scene.frame(*pose), float(reward), terminated, truncated, {}


VARIANTS = {
    "water-maze": {},
    "near-walls": {"stride": 150, "turn": 50, "first_heading": "random", "picture": (5, 7)},
    "small": {
        "cell_side": 57,
        "picture": (6, 8),
        "field_of_view": 120,
        "stride": 60,
        "episode_length": 20,
    },
    "terminating": {
        "picture": (3, 4),
        "platform_spacing": 90,
        "least_distance": 100,
        "terminate_at_goal": True,
        "stride": 45,
        "first_heading": "random",
        "episode_length": 30,
    },
}
