"""The most steps of an episode, as environments, their wrappers and specifications state it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, VectorEnv
from gymnasium.wrappers import TimeLimit

NAME = "max_episode_steps"
NAME_IN_TIME_LIMIT = "_max_episode_steps"


def longest_episode(environment: gymnasium.Env | VectorEnv) -> int | None:
    """The most steps of an episode, or None where that is not stated.

    In a vector it is the greatest of what its environments state, and unknown where one states
    nothing, unless the vector itself says so.
    """
    if not isinstance(environment, VectorEnv):
        return limit_of_single(environment)
    base = environment.unwrapped
    singles = limits_of_singles(base)
    if singles and None not in singles:
        return greatest(singles)
    config = getattr(base, "config", None)  # EnvPool's
    configured = config.get(NAME) if isinstance(config, Mapping) else None
    own = greatest([stated(environment.spec), stated(base), configured])
    return None if own is None else greatest([own, *singles])


def limit_of_single(environment: gymnasium.Env) -> int | None:
    """What cuts its episodes off; where nothing does, the greatest limit that is stated."""
    cut_off, limits = [], [stated(environment.spec)]
    layer: Any = environment
    while isinstance(layer, gymnasium.Wrapper):
        if isinstance(layer, TimeLimit):
            cut_off.append(getattr(layer, NAME_IN_TIME_LIMIT))
        limits.append(stated(layer))
        layer = layer.env
    limits.append(stated(layer))
    return min(cut_off) if cut_off else greatest(limits)


def limits_of_singles(vector: VectorEnv) -> list[int | None]:
    """The limit of each environment in `vector`; empty where they cannot be asked."""
    if hasattr(vector, "envs"):
        return [limit_of_single(single) for single in vector.envs]
    if isinstance(vector, AsyncVectorEnv):
        # Asked for what it lacks, a worker ends. Numbers are preferred: specifications may be
        # such as cannot be sent.
        if all(vector.call("has_wrapper_attr", NAME_IN_TIME_LIMIT)):
            return list(vector.get_attr(NAME_IN_TIME_LIMIT))
        limits = [stated(specification) for specification in vector.get_attr("spec")]
        if all(vector.call("has_wrapper_attr", NAME)):
            pairs = zip(limits, vector.get_attr(NAME), strict=True)
            return [greatest(pair) for pair in pairs]
        return limits
    if hasattr(vector, "get_attr"):
        return [stated(specification) for specification in vector.get_attr("spec")]
    return []


def stated(about: Any) -> int | None:
    """The limit that an environment or a specification states as its `max_episode_steps`."""
    return greatest([getattr(about, NAME, None)])


def greatest(limits: Iterable[Any]) -> int | None:
    """The greatest of those `limits` that are one."""
    numbers = [int(limit) for limit in limits if isinstance(limit, int | np.integer) and limit > 0]
    return max(numbers, default=None)
