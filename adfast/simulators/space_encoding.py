"""SpaceEncoding: what histories keep of the observations and actions of a Gymnasium environment.

Discrete spaces are kept as numbers from 0 and reach a model as rows of its table; a Box is kept as
it is and reaches it as real numbers. Axes: N environments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space

from adfast.errors import InvalidArgument
from adfast.tasks.transition_schema import RealObservation, TransitionSchema

MAX_ACTIONS = 255


class SpaceEncoding:
    """The spaces of a single environment, and how what is in them is kept.

    Raises `InvalidArgument` for a space that cannot be kept.
    """

    def __init__(self, observation_space: Space[Any], action_space: Space[Any]) -> None:
        if not isinstance(action_space, Discrete) or action_space.n > MAX_ACTIONS:
            raise InvalidArgument(
                f"action_space must be Discrete of at most {MAX_ACTIONS} actions, got "
                f"{action_space}; map such actions to it with a gymnasium.ActionWrapper"
            )
        self.num_actions = int(action_space.n)
        self.first_action = int(action_space.start)
        self.real_observation: RealObservation | None = None
        sizes, first = discrete_components(observation_space)
        self.observation_sizes = tuple(int(size) for size in sizes)
        self.first_observation = tuple(int(number) for number in first)
        if isinstance(observation_space, Box):
            shape = tuple(int(n) for n in observation_space.shape)
            self.real_observation = RealObservation(observation_space.dtype.name, shape)

    def schema(self, episode_length: int) -> TransitionSchema:
        """The schema of histories of episodes of at most `episode_length` steps."""
        return TransitionSchema(
            self.observation_sizes,
            self.num_actions,
            episode_length,
            reward_dtype="float32",
            real_observation=self.real_observation,
        )

    def describe(self) -> dict[str, Any]:
        """JSON-ready: which number stands for the first observation and action."""
        return {
            "first_observation": list(self.first_observation),
            "first_action": self.first_action,
        }

    def encode_observations(self, observations: Any) -> np.ndarray:
        """`observations` `[N, ...]` of the environments as `[N, *shape]` of the schema."""
        values = np.asarray(observations)
        if self.real_observation is not None:
            shape = (len(values), *self.real_observation.shape)
            if values.shape != shape:
                raise InvalidArgument(f"observations must have shape {shape}, got {values.shape}")
            return values.astype(self.real_observation.dtype)
        sizes = np.array(self.observation_sizes)
        numbers = values.reshape(len(values), -1).astype(np.int64) - self.first_observation
        if ((numbers < 0) | (numbers >= sizes)).any():
            raise InvalidArgument(
                f"observations must be in their space, of sizes {self.observation_sizes} from "
                f"{self.first_observation} on, got {values.tolist()}"
            )
        return numbers.astype(np.uint8 if sizes.max() <= 256 else np.uint16)

    def encode_actions(self, actions: Any) -> np.ndarray:
        """`actions` `[N]` for the environments as uint8 `[N]` from 0."""
        values = np.asarray(actions)
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise InvalidArgument(
                "actions must be one integer for each environment, "
                f"got {values.dtype} of shape {values.shape}"
            )
        numbers = values.astype(np.int64) - self.first_action
        if ((numbers < 0) | (numbers >= self.num_actions)).any():
            last = self.first_action + self.num_actions - 1
            raise InvalidArgument(
                f"actions must be in {self.first_action}..{last}, got {values.tolist()}"
            )
        return numbers.astype(np.uint8)

    def decode_actions(self, numbers: np.ndarray) -> np.ndarray:
        """int64 `[N]`: the environments' actions that `numbers` `[N]` stand for."""
        return numbers.astype(np.int64) + self.first_action


def discrete_components(space: Space[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The number of values of each component of a discrete space, and the first one of each.

    Both are empty for a Box. Raises `InvalidArgument` for any other space.
    """
    if isinstance(space, Discrete):
        return np.array([space.n]), np.array([space.start])
    if isinstance(space, MultiDiscrete):
        return space.nvec.ravel(), space.start.ravel()
    if isinstance(space, MultiBinary):
        count = int(np.prod(space.shape))
        return np.full(count, 2), np.zeros(count, np.int64)
    if isinstance(space, Box):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    raise InvalidArgument(
        f"observation_space must be Discrete, MultiDiscrete, MultiBinary or Box, got {space}; "
        "turn it into a Box with gymnasium.wrappers.FlattenObservation"
    )
