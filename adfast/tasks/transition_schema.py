"""What one row of a learning history holds, and in which dtype.

The schema is the contract between whoever writes histories (source algorithms, recorders), the ring
buffer and the store that keep them, and the models that read them. Row t of a history is the
transition t: the observation that was acted on, the action, what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument, legible
from adfast.tasks.fields import (
    Field,
    described,
    entry,
    integer,
)
from adfast.tasks.observation import ObservationSpec, read_observation
from adfast.values import as_count, as_flag, require_kind

BOUNDARY_INSIDE = 0  # the episode goes on after this transition
BOUNDARY_TERMINATED = 1  # the task ended the episode: no value beyond it
BOUNDARY_TRUNCATED = 2  # the time limit ended the episode
NUM_BOUNDARIES = 3

LABEL = "label"  # the field of labelled histories

MAX_EPISODE_LENGTH = 2**31 - 1  # steps are counted in int32 by compiled loops and on devices

# What rewards are kept in, the narrowest first; 8-bit ones reach a model as rows of its table, the
# others as real numbers.
REWARD_DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32")
COUNTED_REWARDS = ("uint8", "int8")


def step_dtype(episode_length: int) -> np.dtype[Any]:
    """uint16, or uint32 when an episode is longer than 65,536 steps."""
    return np.dtype(np.uint16 if episode_length <= 65536 else np.uint32)


def as_reward_dtype(name: Any) -> str:
    """`name`; raises `InvalidArgument` unless rewards are kept in such."""
    if not isinstance(name, str) or name not in REWARD_DTYPES:
        raise InvalidArgument(
            f'reward_dtype must be one of {", ".join(REWARD_DTYPES)}, got "{legible(str(name))}"'
        )
    return name


@dataclass(frozen=True)
class TransitionSchema:
    """The fields of one transition with a discrete action.

    `observation` is a `DiscreteObservation` of counted components, or a `RealObservation` of real
    numbers. `num_actions` and `episode_length` (the longest possible) are the environment's;
    `reward_dtype` is one of `REWARD_DTYPES` that holds every reward: an integer dtype exactly,
    "float32" rounded. Where histories are `labelled`, a last field says which action the learner
    held right, whatever it did; no model reads that.
    """

    observation: ObservationSpec
    num_actions: int
    episode_length: int
    reward_dtype: str = "uint8"
    labelled: bool = False

    def __post_init__(self) -> None:
        require_kind(
            "observation",
            self.observation,
            ObservationSpec,
            "an ObservationSpec such as DiscreteObservation((9, 9))",
        )
        num_actions = as_count("num_actions", self.num_actions, 255)
        object.__setattr__(self, "num_actions", num_actions)
        length = as_count("episode_length", self.episode_length, MAX_EPISODE_LENGTH)
        object.__setattr__(self, "episode_length", length)
        as_reward_dtype(self.reward_dtype)
        object.__setattr__(self, "labelled", as_flag("labelled", self.labelled))

    @property
    def unlabelled(self) -> TransitionSchema:
        """The same without labels: what models read and agents act on."""
        return replace(self, labelled=False)

    @property
    def has_counted_rewards(self) -> bool:
        """Whether each reward is a row of a model's table; else it is a real number."""
        return self.reward_dtype in COUNTED_REWARDS

    @property
    def episode_step_dtype(self) -> np.dtype[Any]:
        """What steps in an episode are kept in."""
        return step_dtype(self.episode_length)

    @property
    def fields(self) -> dict[str, Field]:
        """Name -> field, in the order in which histories are written."""
        observation = self.observation.stored
        action = Field(np.dtype(np.uint8), sizes=(self.num_actions,))
        label = {LABEL: action} if self.labelled else {}
        return {
            "observation": observation,
            "action": action,
            "reward": Field(np.dtype(self.reward_dtype)),
            "next_observation": observation,
            "boundary": Field(np.dtype(np.uint8), sizes=(NUM_BOUNDARIES,)),
            "episode_step": Field(self.episode_step_dtype, sizes=(self.episode_length,)),
            **label,
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
        return {
            **self.observation.to_dict(),
            "num_actions": self.num_actions,
            "episode_length": self.episode_length,
            "reward_dtype": self.reward_dtype,
            **({"labelled": True} if self.labelled else {}),
        }

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> TransitionSchema:
        """The schema that `to_dict` described; raises `InvalidArgument` for any other."""
        return cls(
            read_observation(described(description)),
            num_actions=integer("num_actions", entry(description, "num_actions")),
            episode_length=integer("episode_length", entry(description, "episode_length")),
            reward_dtype=entry(description, "reward_dtype"),
            labelled=description.get("labelled", False),
        )
