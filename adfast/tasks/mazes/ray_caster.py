"""The ray caster: frames of poses, column by column, in whole numbers.

A wall is flat, so from one column to the next only the ray turns: each column needs one division
for the distance, and steps of one addition from row to row. What a column shows is, from above:
sky, a distal landmark, the wall, water. Sky and water are the same in all columns, and are copied;
the rest is looked up in patterns whose colours are packed into 32 bits. Patterns are kept in sizes
halved again and again, of which the one is read whose texels are about as large as the pixels.

Legend: N poses, H rows, W columns of a picture. Lengths are in 4096ths of a unit.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled
from adfast.tasks.mazes.arena import (
    CENTRE,
    COSINES,
    NORMALS_X,
    NORMALS_Y,
    NUM_WALLS,
    ONE,
    ONE_BITS,
    SINES,
    UNIT,
    WALL_DISTANCE,
    WALL_HEIGHT,
)
from adfast.tasks.mazes.patterns import (
    ANGLES_PER_DEGREE,
    LANDMARK_STEPS,
    LEVELS,
    NUM_ANGLES,
    TEXELS,
    background,
    landmarks,
    wall_patterns,
)

LENGTH_BITS = 12
LENGTH = 2**LENGTH_BITS  # one unit
EYE_HEIGHT = 64  # units over the floor
MAX_DEPTH = 2048 * LENGTH
HALF_WALL = WALL_DISTANCE * math.tan(math.pi / NUM_WALLS)  # units
TEXEL_BITS = 30
TEXELS_PER_LENGTH = round(TEXELS * 2**TEXEL_BITS / (2 * HALF_WALL * LENGTH))
HALF_WIDTH = round(HALF_WALL * LENGTH)
# Heights are in 65,536ths of a texel.
TEXEL_UP_BITS = 16
TALL = TEXELS << TEXEL_UP_BITS
FINEST = 2 << TEXEL_UP_BITS  # rows that show at most so much show the finest pattern
EYE = EYE_HEIGHT * TALL // WALL_HEIGHT
RISE_BITS = 30
LIFT_BITS = 24


def corners() -> np.ndarray:
    """int64 `[NUM_WALLS, 2]`: of each wall the corner to the left of who faces it, from the
    centre, in sixteenths of a unit.
    """
    angles = (np.arange(NUM_WALLS) + 0.5) * (2 * math.pi / NUM_WALLS)
    distance = WALL_DISTANCE * UNIT / math.cos(math.pi / NUM_WALLS)
    return np.array([[round(distance * side(a)) for side in (math.cos, math.sin)] for a in angles])


CORNERS = corners()


class Tables(NamedTuple):
    """What all poses share of one size of picture and field of view.

    `aside` `[W]`: how far to the right a ray goes for each unit ahead, in `ONE`s. `angle` `[W]`:
    its angle to the right, and `lift` `[W]`: steps of a landmark for each half row of pixels.
    `rise`: how far up a ray goes for each unit ahead and half row. `frame` `[H * W * 3]`: sky and
    water. `walls`: packed colours of all levels of all patterns; `landmark` `[angle, step]` and
    `height` `[angle]`: those of landmarks, 0 where there is none, and how many steps they reach.
    """

    aside: np.ndarray
    angle: np.ndarray
    lift: np.ndarray
    rise: int
    frame: np.ndarray
    walls: np.ndarray
    landmark: np.ndarray
    height: np.ndarray
    rows: int


@cache
def tables_of(picture: tuple[int, int], field_of_view: int) -> Tables:
    """The tables of a scene."""
    rows, columns = picture
    half_pixel = math.tan(math.radians(field_of_view) / 2) / columns
    asides = [(2 * column + 1 - columns) * half_pixel for column in range(columns)]
    lifts = [half_pixel / math.hypot(1, aside) for aside in asides]
    angles = [round(math.degrees(math.atan(aside)) * ANGLES_PER_DEGREE) for aside in asides]
    seen, height = landmarks()
    return Tables(
        np.array([round(aside * ONE) for aside in asides], np.int64),
        np.array(angles, np.int64),
        np.array([round(lift * LANDMARK_STEPS * 2**LIFT_BITS) for lift in lifts], np.int64),
        round(half_pixel * 2**RISE_BITS * TALL / (WALL_HEIGHT * LENGTH)),
        background(rows, columns, half_pixel).reshape(-1),
        wall_patterns(),
        seen,
        height,
        rows,
    )


LEVEL_STARTS = np.array([sum(4 ** (LEVELS - 1 - i) for i in range(k)) for k in range(LEVELS)])
PATTERN = int(LEVEL_STARTS[-1]) + 1


@register_jitable
def is_left(corner: Any, x: Any, y: Any, east: Any, north: Any) -> Any:
    """Whether a corner lies to the left of a ray from (x, y)."""
    return east * (CORNERS[corner, 1] - y) > north * (CORNERS[corner, 0] - x)


@register_jitable
def first_wall(x: Any, y: Any, east: Any, north: Any) -> Any:
    """The wall that a ray meets."""
    for wall in range(NUM_WALLS):
        if is_left(wall, x, y, east, north) and not is_left(wall - 1, x, y, east, north):
            return wall
    return 0


@register_jitable
def next_wall(wall: Any, x: Any, y: Any, east: Any, north: Any) -> Any:
    """The wall that a ray meets which goes to the right of one that meets `wall`."""
    for _ in range(NUM_WALLS):
        if not is_left(wall - 1, x, y, east, north):
            break
        wall = (wall - 1) % NUM_WALLS
    return wall


@register_jitable
def write(frame: Any, place: Any, colour: Any) -> None:
    """Write three bytes."""
    frame[place] = colour & 255
    frame[place + 1] = colour >> 8 & 255
    frame[place + 2] = colour >> 16 & 255


@compiled
def cast_rays(poses: Any, tables: Any, out: Any) -> None:
    """Write the frames of `poses` uint16 `[N, 3]` to `out` uint8 `[N, H * W * 3]`."""
    columns = tables.aside.shape[0]
    rows = tables.rows
    line = 3 * columns
    for n in range(poses.shape[0]):
        frame = out[n]
        for i in range(frame.shape[0]):
            frame[i] = tables.frame[i]
        x, y = np.int64(poses[n, 0]) - CENTRE, np.int64(poses[n, 1]) - CENTRE
        heading = np.int64(poses[n, 2])
        cosine, sine = np.int64(COSINES[heading]), np.int64(SINES[heading])
        wall = first_wall(
            x,
            y,
            cosine * ONE + sine * tables.aside[0] >> ONE_BITS,
            sine * ONE - cosine * tables.aside[0] >> ONE_BITS,
        )
        for column in range(columns):
            aside = tables.aside[column]
            east = cosine * ONE + sine * aside >> ONE_BITS
            north = sine * ONE - cosine * aside >> ONE_BITS
            wall = next_wall(wall, x, y, east, north)
            normal_x, normal_y = np.int64(NORMALS_X[wall]), np.int64(NORMALS_Y[wall])
            gap = max(WALL_DISTANCE * UNIT * ONE - (x * normal_x + y * normal_y), 1)
            towards = max(east * normal_x + north * normal_y, 1)
            depth = min((gap << 22) // towards, MAX_DEPTH)
            along = (x * normal_y - y * normal_x >> 6) + (
                depth * (east * normal_y - north * normal_x) >> 2 * ONE_BITS
            )
            texel = (along + HALF_WIDTH) * TEXELS_PER_LENGTH >> TEXEL_BITS
            texel = min(max(texel, 0), TEXELS - 1)
            per_row = max(2 * depth * tables.rise >> RISE_BITS, 1)
            up = EYE + ((rows - 1) * per_row >> 1)
            level = 0
            while level < LEVELS - 1 and per_row > FINEST << level:
                level += 1
            top = 0 if up < TALL else min((up - TALL) // per_row + 1, rows)
            bottom = min(up // per_row + 1, rows)
            angle = (heading * ANGLES_PER_DEGREE - tables.angle[column]) % NUM_ANGLES
            height = tables.height[angle]
            if height:
                lift = tables.lift[column]
                for row in range(top):
                    step = (rows - 1 - 2 * row) * lift >> LIFT_BITS
                    if 0 <= step < height:
                        write(frame, row * line + 3 * column, tables.landmark[angle, step])
            side = TEXELS >> level
            first = wall * PATTERN + LEVEL_STARTS[level] + (texel >> level) * side
            shift = TEXEL_UP_BITS + level
            for row in range(top, bottom):
                colour = tables.walls[first + (up - row * per_row >> shift)]
                write(frame, row * line + 3 * column, colour)
