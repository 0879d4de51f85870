"""What Gymnasium's vector environments say of themselves and return, whoever made them.

Axes: N environments.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space
from gymnasium.vector import AutoresetMode, VectorEnv

from adfast.errors import InvalidArgument, shown
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.values import rows_where


def require_all_at_once(environment: gymnasium.Env | VectorEnv) -> None:
    """Raise `InvalidArgument` unless a step is a single environment's, or all of a vector's."""
    if not isinstance(environment, gymnasium.Env | VectorEnv):
        raise InvalidArgument(
            "environment must be a gymnasium.Env or a gymnasium.vector.VectorEnv, got "
            f"{shown(environment)}; of another library's vector wrap the single environments"
        )
    base: Any = environment.unwrapped
    if getattr(base, "is_async", False):
        raise InvalidArgument(
            "environment must not be an asynchronous EnvPool, which answers for some of its "
            "environments at a time (send, recv); make it with batch_size = num_envs"
        )
    if not isinstance(environment, VectorEnv) and hasattr(base, "all_env_ids"):
        raise InvalidArgument(
            f"environment {shown(environment)} is many, but no gymnasium.vector.VectorEnv; use a "
            "version of EnvPool that makes one"
        )


def require_all_answered(info: dict[str, Any], num_envs: int) -> None:
    """Raise `InvalidArgument` if a step answers for some environments, or in another order."""
    answered = info.get("env_id")
    if answered is not None and not np.array_equal(answered, np.arange(num_envs)):
        raise InvalidArgument(
            f"a step must answer for all {num_envs} environments in their order, got "
            f'info["env_id"] = {shown(answered)}; make an EnvPool with batch_size = num_envs'
        )


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
    if every.shape != (environment.num_envs, *(single.shape or ())):
        return single
    if isinstance(every, MultiDiscrete):
        low, high = every.start.min(axis=0), (every.start + every.nvec).max(axis=0) - 1
    elif isinstance(every, Box):
        low, high = every.low.min(axis=0), every.high.max(axis=0)
    else:
        return single
    if isinstance(single, Box):
        common: Space[Any] = Box(low, high, single.shape, single.dtype)
    elif isinstance(single, Discrete):
        common = Discrete(int(high - low) + 1, start=int(low))
    elif isinstance(single, MultiDiscrete):
        common = MultiDiscrete(high - low + 1, dtype=single.dtype, start=low)
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
