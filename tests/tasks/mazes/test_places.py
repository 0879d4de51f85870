"""A place can be told by what is seen there: looked up in remembered views, it is found again."""

import numpy as np

from adfast.tasks.mazes.arena import CENTRE, CLEARANCE, NORMALS_X, NORMALS_Y, ONE, UNIT
from adfast.tasks.mazes.water_maze_scene import WaterMazeScene

ACROSS = 2 * 760 * UNIT  # the square round the arena
CELLS = 20
REMEMBERED = 6  # places along a side of a cell
HEADINGS = (0, 90, 180, 270)
PROJECTED = 400


def inside(places):
    """Those of `places` `[N, 2]` where one can stand."""
    along = (places - CENTRE) @ np.stack([NORMALS_X, NORMALS_Y]) / ONE
    return places[along.max(axis=1) <= (760 - CLEARANCE) * UNIT]


def cell_of(places):
    """Row and column of a grid of 20 x 20 cells."""
    return (places - CENTRE + ACROSS // 2) * CELLS // ACROSS


def views(places, projection):
    """The four views of each place as one vector: all pixels, in fewer numbers by a random map."""
    scene = WaterMazeScene(picture=(24, 32))
    rows = []
    for some in np.array_split(places, max(len(places) // 1000, 1)):
        poses = [np.column_stack([some, np.full(len(some), h)]) for h in HEADINGS]
        frames = np.stack([scene.render(pose) for pose in poses], axis=1)
        rows.append(frames.reshape(len(some), -1).astype(np.float32) @ projection)
    return np.concatenate(rows)


def nearest(remembered, looked_up):
    """Which remembered vector is nearest to each that is looked up."""
    squares = (remembered**2).sum(axis=1)
    parts = np.array_split(looked_up, 10)
    return np.concatenate([(squares - 2 * part @ remembered.T).argmin(axis=1) for part in parts])


def test_four_views_tell_the_cell():
    draws = np.random.default_rng(0)
    line = CENTRE + ((np.arange(CELLS * REMEMBERED) + 0.5) / (CELLS * REMEMBERED) - 0.5) * ACROSS
    remembered = inside(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(int))
    drawn = CENTRE + draws.integers(-ACROSS // 2, ACROSS // 2, size=(2000, 2))
    held_out = inside(drawn)[:1000]
    projection = draws.standard_normal((len(HEADINGS) * 24 * 32 * 3, PROJECTED), np.float32)
    found = remembered[nearest(*(views(some, projection) for some in (remembered, held_out)))]
    right = (cell_of(found) == cell_of(held_out)).all(axis=1)
    assert right.mean() >= 0.95
    assert np.median(np.hypot(*(found - held_out).T)) < 8 * UNIT
