"""The arena from above, for people: water, walls in their colours, landmarks where they stand."""

from __future__ import annotations

import math

import numpy as np

from adfast.tasks.mazes.arena import DEGREES, NORMALS_X, NORMALS_Y, NUM_WALLS, ONE, WALL_DISTANCE
from adfast.tasks.mazes.patterns import (
    ANGLES_PER_DEGREE,
    NEAR_WATER,
    TEXELS,
    landmarks,
    pattern_of,
)

SIDE = 240  # pixels
REACH = 980  # units from the centre to the edge of the picture
THICKNESS = 70  # of a wall, in units
STAND = 920  # units from the centre, where landmarks are drawn
GROUND = (206, 214, 196)


def arena_from_above() -> np.ndarray:
    """uint8 `[SIDE, SIDE, 3]`, north on top."""
    line = ((np.arange(SIDE) + 0.5) * 2 / SIDE - 1) * REACH
    east, north = np.meshgrid(line, -line)
    picture = np.full((SIDE, SIDE, 3), GROUND, np.uint8)
    colours, heights = landmarks()
    angle = np.degrees(np.arctan2(north, east)) % DEGREES
    seen = (angle * ANGLES_PER_DEGREE).astype(int) % len(heights)
    stands = (heights[seen] > 0) & (np.abs(np.hypot(east, north) - STAND) < 40)
    middle = colours[seen, heights[seen] // 2]
    picture[stands] = np.stack([middle >> shift & 255 for shift in (0, 8, 16)], axis=-1)[stands]
    normals = np.stack([NORMALS_X, NORMALS_Y], axis=1) / ONE
    towards = np.stack([east * x + north * y for x, y in normals])
    wall, distance = towards.argmax(axis=0), towards.max(axis=0)
    along = east * normals[wall, 1] - north * normals[wall, 0]
    half = WALL_DISTANCE * math.tan(math.pi / NUM_WALLS)
    across = ((along / half + 1) / 2 * TEXELS).astype(int).clip(0, TEXELS - 1)
    patterns = np.stack([pattern_of(k)[:, TEXELS // 2] for k in range(NUM_WALLS)])
    is_wall = (distance > WALL_DISTANCE) & (distance < WALL_DISTANCE + THICKNESS)
    picture[is_wall] = patterns[wall, across][is_wall]
    picture[distance <= WALL_DISTANCE] = NEAR_WATER
    return picture
