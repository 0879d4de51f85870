"""Contest of the ray caster: frames of the water maze against its plain twin, and MiniWorld's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.contest import Contest, require_equal
from benchmarks.engine import WaterMazeScene
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import rival_of, with_rivals
from reference.water_maze_scene import WaterMazeSceneReference

CHECKED_FRAMES = 6


@contextmanager
def frames(height: int, width: int, num_frames: int) -> Iterator[Contest]:
    """`WaterMazeScene.render` into one reused array against a plain-Python loop over pixels.

    Also against MiniWorld's room of as many pixels, where that is installed: it draws textures on
    floor and ceiling, light, objects and smoothed edges, on the processor by Mesa's llvmpipe; the
    water maze has sixteen walls, landmarks, plain water and sky.
    """
    scene = WaterMazeScene(picture=(height, width))
    twin = WaterMazeSceneReference((height, width), 90)
    draws = np.random.default_rng(0)
    distance, angle = 744 * np.sqrt(draws.random(num_frames)), draws.random(num_frames) * 2 * np.pi
    places = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
    headings = draws.integers(5, size=num_frames) * 72
    poses = np.column_stack([768 * 16 + 16 * places, headings]).astype(np.uint16)
    out = np.empty((num_frames, height, width, 3), np.uint8)
    few = poses[:CHECKED_FRAMES].tolist()

    def check() -> None:
        expected = [twin.frame(*pose) for pose in few]
        require_equal("frames", scene.render(poses, out)[:CHECKED_FRAMES], expected)

    contest = Contest(
        Contender("render", lambda: scene.render(poses, out), num_frames),
        (Contender("plain Python", lambda: twin.frame(*few[0]), 1),),
        check,
    )
    yield with_rivals(
        contest, rival_of("miniworld", "miniworld_room.frame_rival", height, width, places / 744)
    )
