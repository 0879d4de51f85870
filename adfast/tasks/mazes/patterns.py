"""What is drawn in the arena: patterns of walls, distal landmarks, sky and water.

Colours are red, green and blue in 0..255, where packed red in the lowest byte. Walls differ in hue
and in pattern, neighbours most; every second one has a picture, of a shape and colour of its own.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np

from adfast.tasks.mazes.arena import DEGREES, NUM_WALLS

TEXELS = 32  # of a wall, across and up
LEVELS = 6  # of a pattern: whole, halved, .. one texel
ANGLES_PER_DEGREE = 4
NUM_ANGLES = DEGREES * ANGLES_PER_DEGREE
LANDMARK_STEPS = 128  # of height, for what is as high as it is far away
HIGHEST_STEPS = 64

Colour = tuple[int, int, int]
HORIZON, ZENITH = (206, 226, 242), (84, 140, 216)
NEAR_WATER, FAR_WATER = (170, 214, 208), (92, 156, 168)

ACROSS, UP = np.meshgrid(np.arange(TEXELS), np.arange(TEXELS), indexing="ij")
# Of each kind of pattern where its second colour is, by texel across and texel up.
PATTERNS: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (
    lambda i, j: i // 8 % 2 == 1,  # stripes
    lambda i, j: (i // 8 + j // 8) % 2 == 1,  # a chessboard
    lambda i, j: j // 8 % 2 == 1,  # bands
    lambda i, j: (i + j) // 8 % 2 == 1,  # diagonals
    lambda i, j: i > j,  # two triangles
    lambda i, j: (i % 16 - 7.5) ** 2 + (j % 16 - 7.5) ** 2 < 36,  # dots
    lambda i, j: i < 16,  # halves
    lambda i, j: np.abs(i - 15.5) // 4 % 2 == 1,  # stripes about the middle
)
# Of each picture where its shape is, by distances from the middle, up to 7.5.
SHAPES: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (
    lambda i, j: i**2 + j**2 < 36,  # a disc
    lambda i, j: np.minimum(np.abs(i), np.abs(j)) < 2,  # a cross
    lambda i, j: np.abs(i) < (6 - j) / 2,  # a triangle
    lambda i, j: np.abs(i) + np.abs(j) < 7,  # a diamond
    lambda i, j: np.abs(i**2 + j**2 - 28) < 20,  # a ring
    lambda i, j: np.abs(np.abs(i) - np.abs(j)) < 2.5,  # two diagonals
    lambda i, j: np.maximum(np.abs(i), np.abs(j)) < 5,  # a square
    lambda i, j: np.abs(i) < (6 + j) / 2,  # a triangle on its point
)


def hue(turn: float, saturation: float, value: float) -> Colour:
    """The colour so far round the circle of hues."""
    red, green, blue = colorsys.hsv_to_rgb(turn % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def pattern_of(wall: int) -> np.ndarray:
    """int64 `[across, up, 3]`: the pattern of a wall, from its left, from its foot."""
    turn = wall * 7 / NUM_WALLS  # neighbours have nearly opposite hues
    first = hue(turn, 0.75, 0.45 + 0.15 * (wall % 3))
    second = hue(turn + 0.1, 0.35, 0.95 - 0.2 * (wall % 2))
    is_second = PATTERNS[wall // 2 % 8 if wall % 2 else (wall // 2 * 3 + 5) % 8](ACROSS, UP)
    pattern = np.where(is_second[:, :, None], second, first)
    pattern[:, :2] = pattern[:, -2:] = hue(turn, 0.5, 0.3)  # skirting and cornice
    if wall % 2:
        hang_picture(pattern, wall // 2, turn)
    return pattern


def hang_picture(pattern: np.ndarray, picture: int, turn: float) -> None:
    """Paint a framed picture into the middle of `pattern`."""
    across, up = ACROSS - 15.5, UP - 15.5
    distance = np.maximum(np.abs(across), np.abs(up))
    pattern[distance < 10] = (250, 250, 245) if picture % 2 else (20, 20, 30)
    pattern[(distance < 8) & SHAPES[picture](across, up)] = hue(turn + 0.5, 0.9, 0.9)


def halved(pattern: np.ndarray) -> np.ndarray:
    """Half as many texels across and up, each the mean of four, rounded."""
    side = len(pattern) // 2
    return np.asarray((pattern.reshape(side, 2, side, 2, 3).sum(axis=(1, 3)) + 2) // 4)


def packed(colours: np.ndarray) -> np.ndarray:
    """uint32 `[...]` of `[..., 3]`."""
    shifted = colours.astype(np.uint32) << np.array([0, 8, 16], np.uint32)
    return np.asarray(shifted.sum(axis=-1, dtype=np.uint32))


def wall_patterns() -> np.ndarray:
    """uint32: of each wall all levels, the finest first, each column by column from the left."""
    parts = []
    for wall in range(NUM_WALLS):
        pattern = pattern_of(wall)
        for _ in range(LEVELS - 1):
            parts.append(packed(pattern).ravel())
            pattern = halved(pattern)
        parts.append(packed(pattern).ravel())
    return np.concatenate(parts)


# Landmarks: where they stand, in degrees, how wide they are, how high, of which shape and colours.
LANDMARKS = (
    (20, 44, 52, "mountain", (96, 124, 84), (240, 244, 250)),
    (78, 12, 62, "tower", (196, 44, 40), (248, 248, 240)),
    (118, 34, 40, "mountain", (206, 176, 92), (206, 176, 92)),
    (165, 20, 50, "castle", (112, 112, 124), (60, 60, 72)),
    (212, 26, 58, "pine", (28, 92, 52), (28, 92, 52)),
    (255, 14, 48, "tower", (44, 60, 150), (246, 210, 60)),
    (300, 40, 44, "castle", (170, 96, 64), (110, 56, 40)),
    (338, 18, 60, "pine", (120, 60, 130), (120, 60, 130)),
)


def outline(shape: str, place: np.ndarray) -> np.ndarray:
    """float64 in 0..1: how high a shape is at each `place` across it, from -1 to 1."""
    if shape == "mountain":
        return np.asarray(1 - np.abs(place))
    if shape == "pine":
        return np.asarray(1 - (np.abs(place) * 2 % 1) * 0.5 - np.abs(place) * 0.5)
    if shape == "castle":
        return np.where(np.floor((place + 1) * 3.5) % 2 == 0, 1.0, 0.75)
    return np.where(np.abs(place) < 0.6, 1.0, 0.8)


def landmarks() -> tuple[np.ndarray, np.ndarray]:
    """uint32 `[angle, step]` packed colours, 0 where there is none, and int64 `[angle]` heights."""
    colours = np.zeros((NUM_ANGLES, HIGHEST_STEPS), np.uint32)
    steps = np.arange(HIGHEST_STEPS)
    angles = np.arange(NUM_ANGLES) / ANGLES_PER_DEGREE
    for degree, width, height, shape, first, second in LANDMARKS:
        place = ((angles - degree + 180) % DEGREES - 180) / (width / 2)
        top = np.where(np.abs(place) < 1, outline(shape, place) * height, 0)
        has_second = steps // 8 % 2 == 1 if shape == "tower" else steps > 0.7 * height
        line = np.where(has_second, *packed(np.array([second, first])))
        colours = np.where(steps < top[:, None], line, colours)
    return colours, (colours > 0).sum(axis=1)


def background(rows: int, columns: int, half_pixel: float) -> np.ndarray:
    """uint8 `[rows, columns, 3]`: sky and water, by how far up or down one looks."""
    up = (rows - 1 - 2 * np.arange(rows)) * half_pixel
    share = np.minimum(np.abs(up), 1)[:, None]
    sky = np.array(HORIZON) * (1 - share) + np.array(ZENITH) * share
    water = np.array(FAR_WATER) * (1 - share) + np.array(NEAR_WATER) * share
    lines = np.rint(np.where(up[:, None] > 0, sky, water)).astype(np.uint8)
    return np.repeat(lines[:, None], columns, axis=1)
