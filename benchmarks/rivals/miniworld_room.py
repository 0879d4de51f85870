"""MiniWorld's room, seen by an agent that is put anywhere: frames without a step of its world."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyglet

pyglet.options["headless"] = True

import gymnasium  # noqa: E402
import miniworld  # noqa: E402, F401 (registers its environments)

from benchmarks.contest import NotEquivalent, show  # noqa: E402
from benchmarks.pair_timer import Contender  # noqa: E402
from benchmarks.rivals.optional import Rival  # noqa: E402

NUM_FRAMES = 8  # of a call


def frame_rival(height: int, width: int, places: np.ndarray) -> Rival:
    """Frames from `places` `[N, 2]` in -1..1, in turn."""
    made = gymnasium.make("MiniWorld-OneRoom-v0", obs_width=width, obs_height=height)
    room: Any = made.unwrapped
    room.reset(seed=0)
    middle = np.array([room.min_x + room.max_x, room.min_z + room.max_z]) / 2
    in_turn = itertools.cycle(middle + 0.4 * (room.max_x - room.min_x) * places)
    headings = itertools.cycle(np.arange(5) * 2 * np.pi / 5)

    def frame() -> np.ndarray:
        x, z = next(in_turn)
        room.agent.pos, room.agent.dir = np.array([x, 0, z]), next(headings)
        return np.asarray(room.render_obs())

    def call() -> None:
        for _ in range(NUM_FRAMES):
            frame()

    def check() -> None:
        seen = [frame() for _ in range(NUM_FRAMES)]
        if any(one.shape != (height, width, 3) or len(np.unique(one)) < 8 for one in seen):
            raise NotEquivalent("MiniWorld: frames of another size, or nothing on them")
        if len({one.tobytes() for one in seen}) < NUM_FRAMES:
            raise NotEquivalent("MiniWorld: the same frame from several places")
        show("MiniWorld: as many pixels, each frame from another place")

    return Rival(Contender("MiniWorld", call, NUM_FRAMES), check)
