"""SpaceEncoding: what histories keep of the observations and actions of a Gymnasium environment.

Discrete spaces are kept as numbers from 0 and reach a model as rows of its table; a Box is kept as
it is and reaches it as real numbers. Axes: N environments.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space

from adfast.errors import InvalidArgument
from adfast.tasks.observation import DiscreteObservation, ObservationSpec, RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import INTEGERS, as_array, fitted

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
        self.observation, self.first_observation = observation_of(observation_space)

    def schema(self, episode_length: int, reward_dtype: str = "float32") -> TransitionSchema:
        """The schema of histories of episodes of at most `episode_length` steps."""
        return TransitionSchema(self.observation, self.num_actions, episode_length, reward_dtype)

    def describe(self) -> dict[str, Any]:
        """JSON-ready: which number stands for the first observation and action."""
        return {
            "first_observation": list(self.first_observation),
            "first_action": self.first_action,
        }

    def encode_observations(
        self, observations: Any, count: int, *, where: np.ndarray | None = None
    ) -> np.ndarray:
        """`observations` of `count` environments as `[N, *shape]` of the schema.

        Only the rows of `where` (bool `[N]`) are read, the others are 0. Raises `InvalidArgument`
        for what the space or its dtype does not hold, and for what is not finite.
        """
        name, stored = "observation", self.observation.stored
        shape = (count, *stored.shape)
        if stored.sizes is None:
            return fitted(name, observations, stored.dtype, shape, where=where, row="environment")
        array = as_array(name, observations)
        if array.size == math.prod(shape):  # components may have any axes
            array = array.reshape(shape)
        numbers = counted(name, array, shape, self.first_observation, stored.sizes, where)
        return numbers.astype(stored.dtype)

    def encode_actions(self, actions: Any, count: int) -> np.ndarray:
        """`actions` for `count` environments as uint8 `[N]` from 0; raises `InvalidArgument`."""
        array = as_array("action", actions, INTEGERS)
        if array.shape != (count,):
            raise InvalidArgument(
                f"action must be one integer for each environment, of shape ({count},), "
                f"got {array.shape}"
            )
        first, size = (self.first_action,), (self.num_actions,)
        return counted("action", array[:, None], (count, 1), first, size).astype(np.uint8)[:, 0]

    def decode_actions(self, numbers: np.ndarray) -> np.ndarray:
        """int64 `[N]`: the environments' actions that `numbers` `[N]` stand for."""
        return numbers.astype(np.int64) + self.first_action


def counted(
    name: str,
    values: np.ndarray,
    shape: tuple[int, ...],
    first: tuple[int, ...],
    sizes: tuple[int, ...],
    where: np.ndarray | None = None,
) -> np.ndarray:
    """int64 of `shape`: `values` `[N, C]`, each of `sizes[c]` values from `first[c]` on, from 0.

    Only the rows of `where` are read. Raises `InvalidArgument` for other values.
    """
    whole = fitted(name, values, np.int64, shape, where=where, row="environment")
    numbers: np.ndarray = whole - np.array(first)
    if where is not None:
        numbers[~where] = 0
    is_wrong = (numbers < 0) | (numbers >= np.array(sizes))
    if is_wrong.any():
        wrong = np.argwhere(is_wrong)
        environment, number = (int(place) for place in wrong[0])
        which = f"[{number}]" if len(sizes) > 1 else ""
        last = first[number] + sizes[number] - 1
        raise InvalidArgument(
            f"{name}{which} must be in {first[number]}..{last} as in its space, "
            f"got {whole[environment, number]} in environment {environment}"
        )
    return numbers


def observation_of(space: Space[Any]) -> tuple[ObservationSpec, tuple[int, ...]]:
    """What histories keep of `space`, and the first value of each of its counted components.

    Raises `InvalidArgument` for a space of which they can keep nothing.
    """
    if isinstance(space, Box):
        shape = tuple(int(n) for n in space.shape)
        return RealObservation(space.dtype.name, shape), ()
    if isinstance(space, Discrete):
        sizes, first = np.array([space.n]), np.array([space.start])
    elif isinstance(space, MultiDiscrete):
        sizes, first = space.nvec.ravel(), space.start.ravel()
    elif isinstance(space, MultiBinary):
        count = int(np.prod(space.shape))
        sizes, first = np.full(count, 2), np.zeros(count, np.int64)
    else:
        raise InvalidArgument(
            f"observation_space must be Discrete, MultiDiscrete, MultiBinary or Box, got {space}; "
            "turn it into a Box with gymnasium.wrappers.FlattenObservation"
        )
    return DiscreteObservation(tuple(sizes.tolist())), tuple(first.tolist())
