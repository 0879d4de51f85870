"""What Gymnasium's vector environments say of themselves and return, whoever made them.

Axes: N environments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space
from gymnasium.vector import AutoresetMode, VectorEnv

from adfast.errors import InvalidArgument, shown
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.values import rows_where


def autoreset_mode_of(environment: VectorEnv) -> AutoresetMode:
    """How its episodes follow each other; raises `InvalidArgument` where it does not say so."""
    mode = environment.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise InvalidArgument(
            'metadata["autoreset_mode"] of a vector environment must be one of '
            f"gymnasium.vector.AutoresetMode, got {shown(mode)}; set it to what {environment} does"
        )
    return mode


def encoding_of(environment: VectorEnv) -> SpaceEncoding:
    """How histories keep what is in the spaces of all its environments, which may differ."""
    return SpaceEncoding(common_observation_space(environment), environment.single_action_space)


def common_observation_space(environment: VectorEnv) -> Space[Any]:
    """A space of single observations that has those of every environment."""
    single, every = environment.single_observation_space, environment.observation_space
    if isinstance(single, Box) and isinstance(every, Box) and every.shape[1:] == single.shape:
        common: Space[Any] = Box(every.low.min(axis=0), every.high.max(axis=0), dtype=single.dtype)
    elif isinstance(single, Discrete | MultiDiscrete) and isinstance(every, MultiDiscrete):
        if every.shape[1:] != single.shape:
            return single
        first = every.start.min(axis=0)
        sizes = (every.start + every.nvec).max(axis=0) - first
        if isinstance(single, Discrete):
            common = Discrete(int(sizes), start=int(first))
        else:
            common = MultiDiscrete(sizes, dtype=single.dtype, start=first)
    else:
        return single
    return single if common == single else common


def final_observations(info: dict[str, Any], done: np.ndarray) -> Any:
    """What the episodes that ended in `done` (bool `[N]`) saw last, `[number of ends, ...]`.

    `info["final_obs"]` holds a row for each environment, or as Gymnasium has it, an array of
    objects: one observation, or None, for each. Raises `InvalidArgument` where it lacks one.
    """
    ended = rows_where(info.get("final_obs"), done)
    if ended is not None:
        return ended
    raise InvalidArgument(
        'a vector environment in mode SAME_STEP must return info["final_obs"] where episodes end; '
        "nothing else has their final observations"
    )
