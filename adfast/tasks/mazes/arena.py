"""The arena: sixteen walls round a pool, and how whoever walks there moves, in whole numbers.

A position is x, y in sixteenths of a unit, from 0, the centre being at `CENTRE`; x grows to the
east and y to the north. A heading is in whole degrees, 0 being east and 90 north. Sines are whole
numbers of 16,384ths, so that every machine and the plain definition come to the same place.

Source: the arena of DeepMind Lab's water maze: walls 760 units from the centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import int32
from numba.extending import register_jitable

UNIT = 16  # of a position
CENTRE = 768 * UNIT
POSITIONS = 2 * CENTRE + 1  # values of x, and of y
DEGREES = 360
POSE_SIZES = (POSITIONS, POSITIONS, DEGREES)

NUM_WALLS = 16
WALL_DISTANCE = 760  # units from the centre
WALL_HEIGHT = 192
CLEARANCE = 16  # units that whoever walks keeps from the walls
MAX_STRIDE = WALL_DISTANCE

ONE_BITS = 14
ONE = 2**ONE_BITS  # of sines
HALF = ONE // 2


def sines_of(degrees: np.ndarray) -> np.ndarray:
    """int32: whole numbers of `ONE`s."""
    return np.array([round(math.sin(math.radians(angle)) * ONE) for angle in degrees], np.int32)


SINES = sines_of(np.arange(DEGREES))
COSINES = sines_of(np.arange(DEGREES) + 90)
# Wall k stands towards k * 22.5 degrees.
WALL_ANGLES = np.arange(NUM_WALLS) * (DEGREES / NUM_WALLS)
NORMALS_X, NORMALS_Y = sines_of(WALL_ANGLES + 90), sines_of(WALL_ANGLES)

ACTIONS = (
    "forward",
    "backward",
    "step left",
    "step right",
    "turn left",
    "turn right",
    "forward to the left",
    "forward to the right",
)
# Of each action: turns to the left, whether it walks, and in which direction from the heading.
TURNS = np.array([0, 0, 0, 0, 1, -1, 1, -1], np.int32)
WALKS = np.array([1, 1, 1, 1, 0, 0, 1, 1], np.int32)
DIRECTIONS = np.array([0, 180, 90, 270, 0, 0, 0, 0], np.int32)


def movement(stride: int, turn: int) -> Callable[..., Any]:
    """The pure function `(x, y, heading, action) -> (x, y, heading)`.

    Whoever turns and walks turns first. Walls stop what goes into them and let slide the rest.
    """
    most = (WALL_DISTANCE - CLEARANCE) * UNIT

    @register_jitable
    def move(x: Any, y: Any, heading: Any, action: Any) -> Any:
        heading = int32((heading + DEGREES + turn * TURNS[action]) % DEGREES)
        direction = (heading + DIRECTIONS[action]) % DEGREES
        walks = int32(WALKS[action])  # a turn by a wall moves nobody by what rounding has left
        length = stride * UNIT * walks
        east = int32(x - CENTRE + ((length * COSINES[direction] + HALF) >> ONE_BITS))
        north = int32(y - CENTRE + ((length * SINES[direction] + HALF) >> ONE_BITS))
        for wall in range(NUM_WALLS):
            along = (east * NORMALS_X[wall] + north * NORMALS_Y[wall] + HALF) >> ONE_BITS
            beyond = max(int32(along - most), int32(0)) * walks
            east = int32(east - ((beyond * NORMALS_X[wall] + HALF) >> ONE_BITS))
            north = int32(north - ((beyond * NORMALS_Y[wall] + HALF) >> ONE_BITS))
        return int32(east + CENTRE), int32(north + CENTRE), heading

    return move
