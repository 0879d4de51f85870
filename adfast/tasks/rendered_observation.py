"""RenderedObservation: what is seen is a picture, what is kept is the pose that it is taken from.

Frames are made where they are read: by an agent that acts, and after a window of poses was sampled.

Axes: N environments, C components of a pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from adfast.errors import InvalidArgument, shown
from adfast.machine.reused_memory import ReusedMemory
from adfast.tasks.fields import Field, described, entry, integers
from adfast.tasks.observation import DiscreteObservation, ObservationSpec
from adfast.tasks.scene import SCENES, Scene
from adfast.values import fitted, require_kind

if TYPE_CHECKING:
    from gymnasium.spaces import Space

FRAMES = ReusedMemory()  # those of a batch take longer to ask the system for than to draw


@dataclass(frozen=True)
class RenderedObservation(ObservationSpec):
    """A `pose` of counted components, and the `scene` that shows it.

    Rows, compiled loops and simulators have poses. An agent hands frames to its model, and takes
    either: poses, of adfast's own simulators, are rendered, frames are taken as they are.
    """

    kind: ClassVar[str] = "rendered"

    pose: DiscreteObservation
    scene: Scene

    def __post_init__(self) -> None:
        require_kind("pose", self.pose, DiscreteObservation, "a DiscreteObservation")
        require_kind("scene", self.scene, Scene, "a Scene, such as WaterMazeScene()")
        if self.pose.sizes != self.scene.pose_sizes:
            raise InvalidArgument(
                f"pose must have the sizes of poses of {self.scene.name}, "
                f"{shown(self.scene.pose_sizes)}, got {shown(self.pose.sizes)}"
            )

    @property
    def stored(self) -> Field:
        """The pose."""
        return self.pose.stored

    @cached_property
    def read(self) -> Field:
        """A frame."""
        return Field(np.dtype(np.uint8), self.scene.frame_shape)

    @property
    def picture(self) -> tuple[int, int, int]:
        """The shape of a frame."""
        return self.scene.frame_shape

    def compiled_sizes(self, owner: str) -> tuple[int, ...]:
        """Those of the pose."""
        return self.pose.sizes

    def as_read(
        self, name: str, values: Any, count: int, environments: np.ndarray | None = None
    ) -> np.ndarray:
        """Frames `[N, height, width, 3]`, of poses `[N, C]` or as they are given.

        Raises `InvalidArgument` for any other.
        """
        shape = np.shape(values) if not isinstance(values, np.ndarray) else values.shape
        if len(shape) == 2:
            return self.as_shown(self.pose.as_read(name, values, count, environments))
        frame = self.read.shape
        if shape != (count, *frame):
            raise InvalidArgument(
                f"{name} must be frames of shape {(count, *frame)}, or poses of shape "
                f"{(count, *self.stored.shape)}, got {shape}"
            )
        return fitted(name, values, np.uint8, (count, *frame), row="environment", rows=environments)

    def as_shown(self, stored: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Frames `[..., height, width, 3]` of poses `[..., C]`."""
        shape = (*stored.shape[:-1], *self.read.shape)
        if out is None:
            out = FRAMES.empty(shape, self.read.dtype)
        self.scene.render(stored.reshape(-1, stored.shape[-1]), out.reshape(-1, *self.read.shape))
        return out

    def in_space(self, stored: np.ndarray) -> np.ndarray:
        """Frames `[..., height, width, 3]`."""
        return self.as_shown(stored)

    def space(self) -> Space[Any]:
        """A Box of frames."""
        from gymnasium.spaces import Box

        return Box(0, 255, self.read.shape, np.uint8)

    def to_dict(self) -> dict[str, Any]:
        """The sizes of the pose, and the scene by its name and options."""
        options = self.scene.model_dump(mode="json")
        scene = {"name": self.scene.name, "options": options}
        return {"observation_sizes": list(self.pose.sizes), "scene": scene}


def read_rendered(description: Mapping[str, Any]) -> RenderedObservation:
    """The spec whose `to_dict` is in `description`; raises `InvalidArgument` for any other.

    Also for a scene of one's own whose module is not imported: data import none.
    """
    scene = described(description["scene"])
    name, options = entry(scene, "name"), described(entry(scene, "options"))
    SCENES.require_imported(name)
    pose = DiscreteObservation(integers(description, "observation_sizes"))
    return RenderedObservation(pose, SCENES.make(name, **options))
