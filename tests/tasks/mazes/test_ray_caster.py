"""Frames are those of the plain definition, in whatever batch, order and thread they are made."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xxhash

from adfast.tasks.mazes.arena import CENTRE, CLEARANCE, UNIT, WALL_DISTANCE
from adfast.tasks.mazes.water_maze_scene import WaterMazeScene
from reference.water_maze_scene import WaterMazeSceneReference


def drawn_poses(count, seed=0):
    """Poses anywhere in the arena, uint16."""
    draws = np.random.default_rng(seed)
    distance = (WALL_DISTANCE - CLEARANCE) * UNIT * np.sqrt(draws.random(count))
    angle = draws.random(count) * 2 * np.pi
    x, y = CENTRE + distance * np.cos(angle), CENTRE + distance * np.sin(angle)
    return np.stack([x, y, draws.integers(360, size=count)], axis=1).astype(np.uint16)


@pytest.mark.parametrize(
    ("picture", "field_of_view", "count"),
    [
        ((72, 96), 90, 12),
        ((24, 32), 90, 60),
        ((7, 13), 75, 200),
        ((1, 1), 90, 300),
        ((64, 1), 179, 100),
        ((1, 63), 1, 60),
        ((33, 18), 160, 60),
        ((3, 100), 40, 40),
    ],
)
def test_frames_are_those_of_the_reference(picture, field_of_view, count):
    poses = drawn_poses(count)
    frames = WaterMazeScene(picture=picture, field_of_view=field_of_view).render(poses)
    twin = WaterMazeSceneReference(picture, field_of_view)
    assert (frames.dtype, frames.shape) == (np.uint8, (count, *picture, 3))
    for pose, frame in zip(poses.tolist(), frames, strict=True):
        np.testing.assert_array_equal(frame, twin.frame(*pose), err_msg=str(pose))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_frame_depends_on_its_pose_alone(threads):
    scene, poses = WaterMazeScene(picture=(24, 32)), drawn_poses(500)
    whole = scene.render(poses)
    assert scene.render(poses[:0]).shape == (0, 24, 32, 3)
    draws = np.random.default_rng(1)
    order = draws.permutation(500)
    batches = np.split(order, np.sort(draws.integers(0, 501, size=20)))
    with ThreadPoolExecutor(threads) as pool:
        frames = np.concatenate(list(pool.map(lambda batch: scene.render(poses[batch]), batches)))
    np.testing.assert_array_equal(frames, whole[order])


def test_frames_go_where_they_are_told():
    scene, poses = WaterMazeScene(picture=(5, 6)), drawn_poses(9)
    out = np.zeros((9, 5, 6, 3), np.uint8)
    assert scene.render(poses.astype(np.int64), out) is out
    np.testing.assert_array_equal(out, scene.render(poses))


def test_any_pose_that_a_row_can_hold_is_drawn():
    draws = np.random.default_rng(3)
    poses = draws.integers(WaterMazeScene().pose_sizes, size=(3000, 3))
    frames = WaterMazeScene(picture=(9, 11), field_of_view=179).render(poses)
    assert len(np.unique(frames.reshape(3000, -1), axis=0)) > 2000


def test_frames_of_data_that_exist_stay_as_they_were():
    frames = WaterMazeScene(picture=(24, 32)).render(drawn_poses(2000))
    assert xxhash.xxh3_64_hexdigest(frames.tobytes()) == "43b58baed5b9a678"
