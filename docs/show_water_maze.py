"""Draw docs/images/water_maze.png: `python docs/show_water_maze.py`, half a minute.

Above what an agent sees; below whether the place is told by it. Places that were not remembered are
blue where the one that looks most like them lies in the same cell of a 20 x 20 grid, by four views
of 24 x 32 pixels.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from adfast.tasks.mazes.above import REACH
from adfast.tasks.mazes.arena import (
    CENTRE,
    CLEARANCE,
    NORMALS_X,
    NORMALS_Y,
    ONE,
    UNIT,
    WALL_DISTANCE,
)
from adfast.tasks.mazes.water_maze_scene import WaterMazeScene

FIGURE = Path(__file__).resolve().parent / "images" / "water_maze.png"
ACROSS = 2 * WALL_DISTANCE * UNIT  # the square round the arena
CELLS = 20
HEADINGS = (0, 90, 180, 270)
HELD_OUT = 3000
REMEMBERED = (1, 2, 4, 6)  # places along a side of a cell


def inside(places: np.ndarray) -> np.ndarray:
    """Those of `places` `[N, 2]` where one can stand."""
    along = (places - CENTRE) @ np.stack([NORMALS_X, NORMALS_Y]) / ONE
    return places[along.max(axis=1) <= (WALL_DISTANCE - CLEARANCE) * UNIT]


def views(places: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Four views of each place, all pixels in fewer numbers by a random map."""
    scene = WaterMazeScene(picture=(24, 32))
    rows = []
    for some in np.array_split(places, max(len(places) // 1000, 1)):
        poses = [np.column_stack([some, np.full(len(some), h)]) for h in HEADINGS]
        frames = np.stack([scene.render(pose) for pose in poses], axis=1)
        rows.append(frames.reshape(len(some), -1).astype(np.float32) @ projection)
    return np.concatenate(rows)


def looked_up(places: np.ndarray, side: int, projection: np.ndarray) -> np.ndarray:
    """The remembered place, of side x side in each cell, that looks most like each of `places`."""
    line = CENTRE + ((np.arange(CELLS * side) + 0.5) / (CELLS * side) - 0.5) * ACROSS
    kept = inside(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(int))
    known, asked = views(kept, projection), views(places, projection)
    squares = (known**2).sum(axis=1)
    parts = np.array_split(asked, 20)
    return kept[np.concatenate([(squares - 2 * part @ known.T).argmin(axis=1) for part in parts])]


def cell_of(places: np.ndarray) -> np.ndarray:
    """Row and column of the grid."""
    return (places - CENTRE + ACROSS // 2) * CELLS // ACROSS


def main() -> None:
    """Draw the figure."""
    draws = np.random.default_rng(0)
    drawn = CENTRE + draws.integers(-ACROSS // 2, ACROSS // 2, size=(2 * HELD_OUT, 2))
    places = inside(drawn)[:HELD_OUT]
    projection = draws.standard_normal((len(HEADINGS) * 24 * 32 * 3, 400), np.float32)
    figure = plt.figure(figsize=(12, 7.6), layout="constrained")
    sheet, below = figure.subfigures(2, 1, height_ratios=(1.1, 1))
    sights = WaterMazeScene().sights()
    for axes, (what, picture) in zip(sheet.subplots(2, 5).flat, sights, strict=True):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(what, fontsize=9)
        axes.axis("off")
    for axes, side in zip(below.subplots(1, len(REMEMBERED)), REMEMBERED, strict=True):
        found = looked_up(places, side, projection)
        is_right = (cell_of(found) == cell_of(places)).all(axis=1)
        for outcome, colour in ((True, "#0072b2"), (False, "#d55e00")):
            some = (places[is_right == outcome] - CENTRE) / UNIT
            axes.scatter(*some.T, s=1.5, color=colour)
        error = np.median(np.hypot(*(found - places).T)) / UNIT
        axes.set_title(
            f"{side * side} remembered a cell: {is_right.mean():.1%} right,\n"
            f"{error:.0f} units off in the median",
            fontsize=9,
        )
        axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[], yticks=[])
    figure.savefig(FIGURE, dpi=100)


if __name__ == "__main__":
    main()
