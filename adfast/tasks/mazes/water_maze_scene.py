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

from adfast.tasks.mazes.arena import POSE_SIZES
from adfast.tasks.scene import Scene

MAX_SIDE = 1024  # pixels
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
# A pair, which TOML spells as a list.
Picture = Annotated[
    tuple[Side, Side], BeforeValidator(lambda pair: tuple(pair) if type(pair) is list else pair)
]
FieldOfView = Annotated[int, Field(ge=1, le=179)]


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
