"""WaterMazeScene: how the arena looks from a pose, drawn by a compiled ray caster.

Sixteen walls with patterns, eight of them with a picture, distal landmarks above them that stand
too far away to come nearer, water and sky. What is drawn stands in `patterns.py`, how in
`ray_caster.py`. Twin: `tests/reference/water_maze_scene.py`.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from adfast.tasks.mazes.arena import CENTRE, POSE_SIZES, UNIT
from adfast.tasks.scene import Scene

MAX_SIDE = 1024  # pixels
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
# A pair, which TOML spells as a list.
Picture = Annotated[
    tuple[Side, Side], BeforeValidator(lambda pair: tuple(pair) if type(pair) is list else pair)
]
FieldOfView = Annotated[int, Field(ge=1, le=179)]


SIGHTS = (
    ("from the centre, east", (CENTRE, CENTRE, 0)),
    ("from the centre, north-east", (CENTRE, CENTRE, 72)),
    ("from the centre, north-west", (CENTRE, CENTRE, 144)),
    ("from the centre, south-west", (CENTRE, CENTRE, 216)),
    ("from the centre, south-east", (CENTRE, CENTRE, 288)),
    ("near the north wall, north", (CENTRE, CENTRE + 600 * UNIT, 90)),
    ("near the north wall, south", (CENTRE, CENTRE + 600 * UNIT, 270)),
    ("near the west wall, along it", (CENTRE - 680 * UNIT, CENTRE, 90)),
    ("in the south-west, east", (CENTRE - 400 * UNIT, CENTRE - 400 * UNIT, 0)),
)


class WaterMazeScene(Scene):
    """Pictures of the arena."""

    name: ClassVar[str] = "water-maze"

    picture: Picture = (72, 96)
    """Height and width in pixels."""

    field_of_view: FieldOfView = 90
    """Degrees that a picture is wide."""

    @property
    def pose_sizes(self) -> tuple[int, ...]:
        """x and y in sixteenths of a unit, heading in degrees."""
        return POSE_SIZES

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """As the picture is."""
        return (*self.picture, 3)

    def render(self, poses: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Frames of `poses`."""
        from adfast.tasks.mazes.ray_caster import cast_rays, tables_of  # brings Numba

        if out is None:
            out = np.empty((len(poses), *self.frame_shape), np.uint8)
        poses = np.ascontiguousarray(poses, np.uint16)
        frames = out.reshape(len(poses), math.prod(self.frame_shape))
        cast_rays(poses, tables_of(self.picture, self.field_of_view), frames)
        return out

    def sights(self) -> list[tuple[str, np.ndarray]]:
        """All round from the centre, some other places, and the arena from above."""
        from adfast.tasks.mazes.above import arena_from_above

        frames = self.render(np.array([pose for _, pose in SIGHTS]))
        shown = [(what, frame) for (what, _), frame in zip(SIGHTS, frames, strict=True)]
        return [*shown, ("from above, north on top", arena_from_above())]
