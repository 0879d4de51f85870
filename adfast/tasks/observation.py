"""ObservationSpec: what an observation is, one value that answers every question about it.

Whoever keeps, steps, plays or learns from observations asks it and never which kind it is. A
further kind is a class here and an encoder in `models.observation_encoders`.

Axes: N environments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from adfast.errors import InvalidArgument, legible
from adfast.tasks.fields import NUMBER_DTYPES, Field, counts, described, entry, integers
from adfast.values import INTEGERS, fitted

if TYPE_CHECKING:
    from gymnasium.spaces import Space

MAX_SIZE = 65536  # values of one component, which a row keeps in 16 bits
LEAST_SIDE, MOST_COLOURS = 16, 4  # of recorded pixels that are a picture


class ObservationSpec(ABC):
    """What one observation is. Equal specs are observations that one model can read."""

    kind: ClassVar[str]  # names the encoder that a model has for it

    @property
    @abstractmethod
    def stored(self) -> Field:
        """What a row of a history keeps of it."""

    @property
    @abstractmethod
    def read(self) -> Field:
        """What an agent hands to its model: integers in int64, or real numbers in float32."""

    @property
    def picture(self) -> tuple[int, int, int] | None:
        """Height, width and colours, where what an agent reads is a picture; None elsewhere."""
        return None

    @property
    def is_drawn(self) -> bool:
        """Whether what an agent reads is drawn from what rows keep."""
        return self.stored.shape != self.read.shape

    @abstractmethod
    def compiled_sizes(self, owner: str) -> tuple[int, ...]:
        """The number of values of each component that compiled loops write, guard and number.

        Raises `InvalidArgument`, which names the `owner`, for what such loops cannot write.
        """

    @abstractmethod
    def as_read(
        self, name: str, values: Any, count: int, environments: np.ndarray | None = None
    ) -> np.ndarray:
        """`values` of `count` environments (of `environments`, their indices, if given) as `read`.

        Raises `InvalidArgument` for another shape or kind, and for what a row could not keep.
        """

    def as_shown(self, stored: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """What rows keep, `[..., *shape]`, as agents read it; in `out`, contiguous, if given."""
        if out is None:
            return stored.astype(self.read.dtype)
        out[...] = stored
        return out

    def in_space(self, stored: np.ndarray) -> np.ndarray:
        """`[..., *shape]` that rows keep, as `space` has them; the same array where it is one."""
        return stored

    @abstractmethod
    def space(self) -> Space[Any]:
        """The Gymnasium space that has exactly what a row can keep."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """JSON-ready entries of a schema's description, which `read_observation` reads back."""


@dataclass(frozen=True)
class DiscreteObservation(ObservationSpec):
    """Components that are counted: number c is in 0 .. sizes[c] - 1 (row, then column of a grid).

    A row keeps them in uint8, or in uint16 where a component has more than 256 values.
    """

    kind: ClassVar[str] = "discrete"

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = counts("sizes of a discrete observation", self.sizes)
        object.__setattr__(self, "sizes", sizes)
        if not sizes:
            raise InvalidArgument(
                "sizes of a discrete observation must not be empty; "
                "give the number of values of each component"
            )
        if max(sizes) > MAX_SIZE:
            raise InvalidArgument(
                f"sizes of a discrete observation must be at most {MAX_SIZE}, got {sizes}; "
                "split a larger component into several"
            )

    @cached_property
    def stored(self) -> Field:
        """All components, in the least dtype that holds them."""
        dtype = np.dtype(np.uint8 if max(self.sizes) <= 256 else np.uint16)
        return Field(dtype, (len(self.sizes),), self.sizes)

    @cached_property
    def read(self) -> Field:
        """All components, in int64."""
        return Field(np.dtype(np.int64), (len(self.sizes),), self.sizes)

    def compiled_sizes(self, owner: str) -> tuple[int, ...]:
        """The sizes themselves."""
        return self.sizes

    def as_read(
        self, name: str, values: Any, count: int, environments: np.ndarray | None = None
    ) -> np.ndarray:
        """Integers below the sizes, in int64 `[N, C]`."""
        return fitted(
            name,
            values,
            self.read.dtype,
            (count, *self.read.shape),
            sizes=self.sizes,
            kinds=INTEGERS,
            row="environment",
            rows=environments,
        )

    def space(self) -> Space[Any]:
        """MultiDiscrete of the sizes."""
        from gymnasium.spaces import MultiDiscrete

        return MultiDiscrete(np.array(self.sizes), dtype=self.stored.dtype.type)

    def to_dict(self) -> dict[str, Any]:
        """The sizes."""
        return {"observation_sizes": list(self.sizes)}


@dataclass(frozen=True)
class RealObservation(ObservationSpec):
    """Numbers that are measured, not counted: floats, or integers such as pixels.

    Kept as they are, in their own `dtype` and `shape`. In uint8 of `[height, width]`, or of up to
    four colours `[height, width, colours]`, of at least 16 pixels each way, they are a picture.
    """

    kind: ClassVar[str] = "real"

    dtype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.dtype, str) or self.dtype not in NUMBER_DTYPES:
            raise InvalidArgument(
                "dtype of a real observation must be a boolean, integer or float, "
                f'got "{legible(str(self.dtype))}"; valid: {", ".join(NUMBER_DTYPES)}'
            )
        shape = counts("shape of a real observation", self.shape)
        object.__setattr__(self, "shape", shape)

    @cached_property
    def stored(self) -> Field:
        """The numbers as they are."""
        return Field(np.dtype(self.dtype), self.shape)

    @cached_property
    def read(self) -> Field:
        """The numbers, in float32."""
        return Field(np.dtype(np.float32), self.shape)

    @property
    def picture(self) -> tuple[int, int, int] | None:
        """The shape of pixels, with one colour where it names none."""
        if self.dtype != "uint8" or len(self.shape) not in (2, 3):
            return None
        height, width, colours = (*self.shape, 1)[:3]
        is_picture = min(height, width) >= LEAST_SIDE and colours <= MOST_COLOURS
        return (height, width, colours) if is_picture else None

    def compiled_sizes(self, owner: str) -> tuple[int, ...]:
        """None: raises `InvalidArgument`."""
        raise InvalidArgument(
            f"observations of {owner} must be counted (DiscreteObservation) for compiled loops, "
            f"got real numbers, {self.dtype} of shape {self.shape}; count them in cells, or make "
            "it a Gymnasium environment and record it with adfast.Recorder"
        )

    def as_read(
        self, name: str, values: Any, count: int, environments: np.ndarray | None = None
    ) -> np.ndarray:
        """Numbers that are finite in their own dtype and in float32, `[N, *shape]`."""
        for field in (self.stored, self.read):
            shape = (count, *field.shape)
            values = fitted(name, values, field.dtype, shape, row="environment", rows=environments)
        return np.asarray(values)

    def space(self) -> Space[Any]:
        """A Box of all that the dtype holds."""
        from gymnasium.spaces import Box

        dtype = self.stored.dtype
        low: float
        high: float
        if dtype.kind == "f":
            low, high = -np.inf, np.inf
        elif dtype.kind == "b":
            low, high = 0, 1
        else:
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        return Box(low, high, self.shape, dtype.type)

    def to_dict(self) -> dict[str, Any]:
        """The dtype and shape, beside no sizes."""
        real = {"dtype": self.dtype, "shape": list(self.shape)}
        return {"observation_sizes": [], "real_observation": real}


def read_observation(description: Mapping[str, Any]) -> ObservationSpec:
    """The spec whose `to_dict` is in `description`; raises `InvalidArgument` for any other."""
    if description.get("scene") is not None:
        from adfast.tasks.rendered_observation import read_rendered

        return read_rendered(description)
    sizes = integers(description, "observation_sizes")
    if description.get("real_observation") is None:
        return DiscreteObservation(sizes)
    if sizes:
        raise InvalidArgument(
            f"observation_sizes must be empty beside real_observation, got {sizes}"
        )
    real = described(description["real_observation"])
    return RealObservation(entry(real, "dtype"), integers(real, "shape"))
