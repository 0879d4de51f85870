"""What one row of a learning history holds, and in which dtype.

The schema is the contract between whoever writes histories (source algorithms, recorders), the ring
buffer and the store that keep them, and the models that read them. Row t of a history is the
transition t: the observation that was acted on, the action, what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument, legible
from adfast.tasks.fields import (
    NUMBER_DTYPES,
    Field,
    counts,
    described,
    entry,
    integer,
    integers,
)
from adfast.values import as_count, require_kind

BOUNDARY_INSIDE = 0  # the episode goes on after this transition
BOUNDARY_TERMINATED = 1  # the task ended the episode: no value beyond it
BOUNDARY_TRUNCATED = 2  # the time limit ended the episode
NUM_BOUNDARIES = 3

MAX_EPISODE_LENGTH = 2**31 - 1  # steps are counted in int32 by compiled loops and on devices

# What rewards are kept in, the narrowest first; 8-bit ones reach a model as rows of its table, the
# others as real numbers.
REWARD_DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32")
COUNTED_REWARDS = ("uint8", "int8")


@dataclass(frozen=True)
class RealObservation:
    """An observation of numbers that are measured, not counted: floats, or integers such as pixels.

    Kept as it is, in its own `dtype` and `shape`.
    """

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


@dataclass(frozen=True)
class TransitionSchema:
    """The fields of one transition with a discrete action.

    `observation_sizes` counts the values of each observation component (row then column for a
    grid); where observations are real numbers it is empty, and `real_observation` says which.
    `num_actions` and `episode_length` (the longest possible) are the environment's; `reward_dtype`
    is one of `REWARD_DTYPES` that holds every reward: an integer dtype exactly, "float32" rounded.
    """

    observation_sizes: tuple[int, ...]
    num_actions: int
    episode_length: int
    reward_dtype: str = "uint8"
    real_observation: RealObservation | None = None

    def __post_init__(self) -> None:
        if self.real_observation is not None:
            require_kind(
                "real_observation", self.real_observation, RealObservation, "a RealObservation"
            )
        sizes = counts("observation_sizes", self.observation_sizes)
        object.__setattr__(self, "observation_sizes", sizes)
        if self.real_observation is not None and self.observation_sizes:
            raise InvalidArgument(
                f"observation_sizes must be empty beside real_observation, "
                f"got {self.observation_sizes}"
            )
        if self.real_observation is None and not self.observation_sizes:
            raise InvalidArgument(
                "observation_sizes must not be empty; give the number of values of each component"
            )
        if max(self.observation_sizes, default=0) > 65536:
            raise InvalidArgument(
                f"observation_sizes must be at most 65536, got {self.observation_sizes}; "
                "split a larger component into several"
            )
        num_actions = as_count("num_actions", self.num_actions, 255)
        object.__setattr__(self, "num_actions", num_actions)
        length = as_count("episode_length", self.episode_length, MAX_EPISODE_LENGTH)
        object.__setattr__(self, "episode_length", length)
        if not isinstance(self.reward_dtype, str) or self.reward_dtype not in REWARD_DTYPES:
            raise InvalidArgument(
                f"reward_dtype must be one of {', '.join(REWARD_DTYPES)}, "
                f'got "{legible(str(self.reward_dtype))}"'
            )

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """The shape of one observation: its components, or that of the real one."""
        if self.real_observation is not None:
            return self.real_observation.shape
        return (len(self.observation_sizes),)

    @property
    def observation_dtype(self) -> np.dtype[Any]:
        """uint8, or uint16 when a component has more than 256 values; that of a real one."""
        if self.real_observation is not None:
            return np.dtype(self.real_observation.dtype)
        return np.dtype(np.uint8 if max(self.observation_sizes) <= 256 else np.uint16)

    @property
    def has_counted_rewards(self) -> bool:
        """Whether each reward is a row of a model's table; else it is a real number."""
        return self.reward_dtype in COUNTED_REWARDS

    @property
    def episode_step_dtype(self) -> np.dtype[Any]:
        """uint16, or uint32 when an episode is longer than 65,536 steps."""
        return np.dtype(np.uint16 if self.episode_length <= 65536 else np.uint32)

    @property
    def fields(self) -> dict[str, Field]:
        """Name -> field, in the order in which histories are written."""
        sizes = self.observation_sizes or None
        observation = Field(self.observation_dtype, self.observation_shape, sizes)
        return {
            "observation": observation,
            "action": Field(np.dtype(np.uint8), sizes=(self.num_actions,)),
            "reward": Field(np.dtype(self.reward_dtype)),
            "next_observation": observation,
            "boundary": Field(np.dtype(np.uint8), sizes=(NUM_BOUNDARIES,)),
            "episode_step": Field(self.episode_step_dtype, sizes=(self.episode_length,)),
        }

    @property
    def bytes_per_transition(self) -> int:
        """Bytes that one transition takes in memory and on disk."""
        return sum(field.item_bytes for field in self.fields.values())

    def allocate(self, *leading: int) -> dict[str, np.ndarray]:
        """Uninitialised arrays `[*leading, *item shape]`, one per field."""
        return {
            name: np.empty((*leading, *field.shape), field.dtype)
            for name, field in self.fields.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description, which `from_dict` reads back."""
        description: dict[str, Any] = {
            "observation_sizes": list(self.observation_sizes),
            "num_actions": self.num_actions,
            "episode_length": self.episode_length,
            "reward_dtype": self.reward_dtype,
        }
        if self.real_observation is not None:
            real = self.real_observation
            description["real_observation"] = {"dtype": real.dtype, "shape": list(real.shape)}
        return description

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> TransitionSchema:
        """The schema that `to_dict` described; raises `InvalidArgument` for any other."""
        real_observation = None
        if described(description).get("real_observation") is not None:
            real = described(description["real_observation"])
            real_observation = RealObservation(entry(real, "dtype"), integers(real, "shape"))
        return cls(
            observation_sizes=integers(description, "observation_sizes"),
            num_actions=integer("num_actions", entry(description, "num_actions")),
            episode_length=integer("episode_length", entry(description, "episode_length")),
            reward_dtype=entry(description, "reward_dtype"),
            real_observation=real_observation,
        )
