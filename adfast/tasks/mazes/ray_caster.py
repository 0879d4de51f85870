"""The ray caster: frames of poses, column by column.

A wall is flat, so from one column to the next only the ray turns: each column needs one division
for the distance, and steps of one addition from row to row. What a column shows is, from above:
sky, a distal landmark, the wall, water. Sky and water are the same in all columns, and are copied;
the rest is looked up in patterns whose colours are packed into 32 bits. Patterns are kept in sizes
halved again and again, of which the one is read whose texels are about as large as the pixels.

All is whole numbers, but for quotients of whole numbers below 2**53, which every machine rounds
alike. Indices are unsigned: signed ones may count from the end, which is looked at each time.

Legend: N poses, H rows, W columns of a picture, F landmark angles.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import int64, uint8, uint64
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
    HIGHEST_STEPS,
    LANDMARK_STEPS,
    LEVELS,
    NUM_ANGLES,
    TEXELS,
    background,
    landmarks,
    wall_patterns,
)

UNIT_BITS = UNIT.bit_length() - 1
LENGTH_BITS = 12
LENGTH = 2**LENGTH_BITS  # one unit of a distance
MAX_DEPTH = 2048 * LENGTH
DEPTH_BITS = 22  # a gap shifted so over a slope is a depth
HALF_WALL = WALL_DISTANCE * math.tan(math.pi / NUM_WALLS)  # units
HALF_WIDTH = round(HALF_WALL * LENGTH)
TEXEL_BITS = 30
TEXELS_PER_LENGTH = round(TEXELS * 2**TEXEL_BITS / (2 * HALF_WALL * LENGTH))
# Heights are in 65,536ths of a texel.
TEXEL_UP_BITS = 16
TALL = TEXELS << TEXEL_UP_BITS
EYE_HEIGHT = 64  # units over the floor
EYE = EYE_HEIGHT * TALL // WALL_HEIGHT
FINEST = 2 << TEXEL_UP_BITS  # rows that show at most so much show the finest pattern
RISE_BITS = 30
LEVEL_STARTS = np.array([sum(4 ** (LEVELS - 1 - i) for i in range(k)) for k in range(LEVELS)])
PATTERN = int(LEVEL_STARTS[-1]) + 1  # texels of all levels


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

    `aside` `[W]`: how far to the right a ray goes for each unit ahead, in `ONE`s; `angle` `[W]`:
    its angle to the right. `rise`: how far up a ray goes for each unit ahead and half row. `frame`
    `[H * W * 3]`: sky and water. `walls`: packed colours of all levels of all patterns. `landmark`
    `[F, step]`: those of landmarks, `height` `[F]`: how many steps they reach, `step` `[W, H]`:
    which a pixel shows, and `first` `[W, height]`: the row from which one of a height is seen.
    """

    aside: np.ndarray
    angle: np.ndarray
    rise: int
    frame: np.ndarray
    walls: np.ndarray
    landmark: np.ndarray
    height: np.ndarray
    step: np.ndarray
    first: np.ndarray


@cache
def tables_of(picture: tuple[int, int], field_of_view: int) -> Tables:
    """The tables of a scene."""
    rows, columns = picture
    half_pixel = math.tan(math.radians(field_of_view) / 2) / columns
    asides = [(2 * column + 1 - columns) * half_pixel for column in range(columns)]
    angles = [round(math.degrees(math.atan(aside)) * ANGLES_PER_DEGREE) for aside in asides]
    lifts = np.array([half_pixel / math.hypot(1, aside) * LANDMARK_STEPS for aside in asides])
    # Landmarks stand on a circle round the pose: what is aside is as far away, and looks lower.
    steps = np.floor(lifts[:, None] * (rows - 1 - 2 * np.arange(rows)))
    seen, height = landmarks()
    heights = np.arange(HIGHEST_STEPS + 1)
    lower = [np.searchsorted(line[::-1], heights) for line in steps]  # how many rows show less
    return Tables(
        np.array([round(aside * ONE) for aside in asides], np.int64),
        np.array(angles, np.int64),
        round(half_pixel * 2**RISE_BITS * TALL / (WALL_HEIGHT * LENGTH)),
        background(rows, columns, half_pixel).reshape(-1),
        wall_patterns(),
        seen,
        height,
        steps.clip(0, HIGHEST_STEPS - 1).astype(np.uint8),
        rows - np.array(lower),
    )


@register_jitable
def facing(wall: Any, x: Any, y: Any, cosine: Any, sine: Any) -> Any:
    """What all rays to a wall share: its distance, how its distance and its length lie to ahead and
    to the right, and ahead and to the right its right corner.
    """
    normal_x, normal_y = int64(NORMALS_X[wall]), int64(NORMALS_Y[wall])
    gap = max(WALL_DISTANCE * UNIT * ONE - (x * normal_x + y * normal_y), 1)
    along = x * normal_y - y * normal_x >> UNIT_BITS + ONE_BITS - LENGTH_BITS
    ahead = cosine * normal_x + sine * normal_y
    aside = sine * normal_x - cosine * normal_y
    corner = (wall + NUM_WALLS - 1) % NUM_WALLS
    east, north = CORNERS[corner, 0] - x, CORNERS[corner, 1] - y
    return gap, along, ahead, aside, east * cosine + north * sine, east * sine - north * cosine


@register_jitable
def first_wall(x: Any, y: Any, east: Any, north: Any) -> Any:
    """The wall that a ray meets: that of whose corners the left one is to its left alone."""
    is_left = east * (CORNERS[-1, 1] - y) > north * (CORNERS[-1, 0] - x)
    for wall in range(NUM_WALLS):
        was_left = is_left
        is_left = east * (CORNERS[wall, 1] - y) > north * (CORNERS[wall, 0] - x)
        if is_left and not was_left:
            return wall
    return 0


@register_jitable
def write(frame: Any, place: Any, colour: Any) -> None:
    """Write a pixel's three bytes."""
    frame[place] = uint8(colour)
    frame[place + uint64(1)] = uint8(colour >> 8)
    frame[place + uint64(2)] = uint8(colour >> 16)


@register_jitable
def draw_landmark(tables: Any, frame: Any, column: Any, heading: Any, end: Any) -> None:
    """Draw what stands behind the wall, down to the row `end`."""
    columns = tables.step.shape[0]
    seen = (heading * ANGLES_PER_DEGREE + NUM_ANGLES - tables.angle[column]) % NUM_ANGLES
    height = tables.height[seen]
    if height == 0:
        return
    place = uint64(3 * (columns * tables.first[column, height] + column))
    for row in range(tables.first[column, height], end):
        step = tables.step[column, uint64(row)]
        write(frame, place, tables.landmark[uint64(seen), uint64(step)])
        place += uint64(3 * columns)


@register_jitable
def draw_column(
    tables: Any, frame: Any, column: Any, heading: Any, wall: Any, depth: Any, along: Any
) -> None:
    """Draw a column whose ray meets `wall` so far ahead, at `along` from its middle."""
    columns, rows = tables.step.shape
    texel = min(max((along + HALF_WIDTH) * TEXELS_PER_LENGTH >> TEXEL_BITS, 0), TEXELS - 1)
    per_row = max(2 * depth * tables.rise >> RISE_BITS, 1)
    up = EYE + ((rows - 1) * per_row >> 1)  # the height that the first row shows
    top = 0 if up < TALL else int64(min((up - TALL) / per_row + 1, rows))
    bottom = int64(min(up / per_row + 1, rows))
    draw_landmark(tables, frame, column, heading, top)
    level = 0
    while level < LEVELS - 1 and per_row > FINEST << level:
        level += 1
    first = PATTERN * wall + LEVEL_STARTS[level] + (texel >> level) * (TEXELS >> level)
    shift = TEXEL_UP_BITS + level
    place = uint64(3 * (columns * top + column))
    height = up - top * per_row
    for _ in range(top, bottom):
        write(frame, place, tables.walls[uint64(first + (height >> shift))])
        place += uint64(3 * columns)
        height -= per_row


@compiled
def cast_rays(poses: Any, tables: Any, out: Any) -> None:
    """Write the frames of `poses` uint16 `[N, 3]` to `out` uint8 `[N, H * W * 3]`."""
    columns, size = tables.aside.shape[0], out.shape[1]
    for n in range(poses.shape[0]):
        frame = out[n]
        for i in range(uint64(size)):
            frame[i] = tables.frame[i]
        x, y = int64(poses[n, 0]) - CENTRE, int64(poses[n, 1]) - CENTRE
        heading = int64(poses[n, 2])
        cosine, sine = int64(COSINES[heading]), int64(SINES[heading])
        aside = tables.aside[0]
        wall = first_wall(x, y, cosine * ONE + sine * aside, sine * ONE - cosine * aside)
        gap, along, ahead, right, corner, corner_aside = facing(wall, x, y, cosine, sine)
        for column in range(columns):
            aside = tables.aside[column]
            turned = 0
            while corner_aside * ONE < corner * aside and turned < NUM_WALLS:
                turned += 1
                wall = (wall + NUM_WALLS - 1) % NUM_WALLS
                gap, along, ahead, right, corner, corner_aside = facing(wall, x, y, cosine, sine)
            towards = max(ahead + (right * aside >> ONE_BITS), 1)
            depth = int64(min((gap << DEPTH_BITS) / towards, MAX_DEPTH))
            sideways = depth * ((ahead * aside >> ONE_BITS) - right) >> 2 * ONE_BITS
            draw_column(tables, frame, column, heading, wall, depth, along + sideways)
