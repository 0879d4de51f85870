"""Scene: what a pose looks like, the picture that an agent sees who stands so.

A scene is a `Config`, whose fields are its options, so that a description of data names it and
makes the same pictures again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from adfast.catalogue import Catalogue
from adfast.config import Config


class Scene(Config, ABC):
    """Pictures of poses. `name` is what the catalogue knows the class by."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def pose_sizes(self) -> tuple[int, ...]:
        """`[C]`: the number of values of each component of a pose."""

    @property
    @abstractmethod
    def frame_shape(self) -> tuple[int, int, int]:
        """Height, width and the three colours of a frame."""

    @abstractmethod
    def render(self, poses: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Frames uint8 `[N, height, width, 3]` of `poses` (integers `[N, C]` below the sizes).

        They are written to `out`, contiguous, if it is given. A frame depends on its pose alone;
        other threads run meanwhile.
        """

    def sights(self) -> list[tuple[str, np.ndarray]]:
        """Pictures uint8 `[height, width, 3]` worth showing to a person, and what each shows."""
        return []


# Imported when asked for: a scene brings Numba with its first picture.
SCENES: Catalogue[Scene] = Catalogue(
    kind="scene",
    group="adfast.scenes",
    base="adfast.tasks.scene:Scene",
    shipped={"water-maze": "adfast.tasks.mazes.water_maze_scene:WaterMazeScene"},
)
