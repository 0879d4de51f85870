"""play: an agent acts in any Gymnasium environment that is like the one its histories are from.

Axes: N environments, E episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from adfast.errors import InvalidArgument
from adfast.evaluation.agent import Agent
from adfast.simulators.space_encoding import SpaceEncoding


@dataclass(frozen=True)
class Played:
    """Returns float64 `[N, E]` and lengths int64 `[N, E]` of the first episodes."""

    returns: np.ndarray
    lengths: np.ndarray


def play(
    agent: Agent,
    environment: gymnasium.Env | VectorEnv,
    episodes: int,
    *,
    seed: int | list[int | None] | None = None,
) -> Played:
    """Let `agent` learn in context for `episodes` episodes, from an empty context.

    `environment` is a single one, or a vector environment in any autoreset mode; `seed` seeds its
    first reset. Raises `InvalidArgument` where the agent was made for another number of
    environments or its model for other spaces, or nothing is to be played.
    """
    if episodes < 1:
        raise InvalidArgument(f"episodes must be at least one, got {episodes}")
    loop = VectorLoop(environment) if isinstance(environment, VectorEnv) else Loop(environment)
    encoding, schema = loop.encoding, agent.model.schema
    spaces = (encoding.observation_sizes, encoding.real_observation, encoding.num_actions)
    if spaces != (schema.observation_sizes, schema.real_observation, schema.num_actions):
        raise InvalidArgument(
            f"the model acts on {schema}, but the environment has {encoding.schema(1)}; "
            "play in an environment with the spaces that the histories were recorded with"
        )
    agent.autoreset = "next-step" if loop.mode is AutoresetMode.NEXT_STEP else "same-step"
    agent.reset()
    played = Played(
        np.zeros((loop.num_environments, episodes)),
        np.zeros((loop.num_environments, episodes), np.int64),
    )
    episode = np.zeros(loop.num_environments, np.int64)
    was_done = np.zeros(loop.num_environments, bool)
    actions = agent.act(loop.reset(seed))
    while episode.min() < episodes:
        step = loop.step(encoding.decode_actions(actions))
        only_resets = was_done if loop.mode is AutoresetMode.NEXT_STEP else np.zeros_like(was_done)
        counted = np.flatnonzero(~only_resets & (episode < episodes))
        played.returns[counted, episode[counted]] += step.reward[counted]
        played.lengths[counted, episode[counted]] += 1
        done = was_done = step.terminated | step.truncated
        episode += done
        actions = agent.act(*step)
    return played


class Step(NamedTuple):
    """What `Agent.act` takes in; observations are encoded, `[N, *shape]`."""

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray  # what the step led to, before any reset


class Loop:
    """Resets and steps of a single environment, as a batch of one that is reset where it ends."""

    mode = AutoresetMode.SAME_STEP
    num_environments = 1

    def __init__(self, environment: gymnasium.Env) -> None:
        self.environment = environment
        self.encoding = SpaceEncoding(environment.observation_space, environment.action_space)

    def reset(self, seed: Any) -> np.ndarray:
        """The first observation."""
        observation, _ = self.environment.reset(seed=seed)
        return self.encoding.encode_observations(np.asarray(observation)[None])

    def step(self, actions: np.ndarray) -> Step:
        """One step, and the reset that follows an end."""
        observation, reward, terminated, truncated, _ = self.environment.step(actions[0])
        now = final = self.encoding.encode_observations(np.asarray(observation)[None])
        if terminated or truncated:
            now = self.reset(None)
        return Step(now, np.array([reward]), np.array([terminated]), np.array([truncated]), final)


class VectorLoop:
    """Resets and steps of a vector environment; where the caller is to reset, it is reset."""

    def __init__(self, environment: VectorEnv) -> None:
        self.environment = environment
        self.num_environments = environment.num_envs
        self.mode = environment.metadata.get("autoreset_mode")
        if not isinstance(self.mode, AutoresetMode):
            raise InvalidArgument(
                'metadata["autoreset_mode"] of a vector environment must be one of '
                f"gymnasium.vector.AutoresetMode, got {self.mode!r}"
            )
        self.encoding = SpaceEncoding(
            environment.single_observation_space, environment.single_action_space
        )

    def reset(self, seed: Any) -> np.ndarray:
        """The first observations."""
        return self.encoding.encode_observations(self.environment.reset(seed=seed)[0])

    def step(self, actions: np.ndarray) -> Step:
        """One step everywhere."""
        observation, reward, terminated, truncated, info = self.environment.step(actions)
        done = np.asarray(terminated | truncated)
        now = final = self.encoding.encode_observations(observation)
        if done.any() and self.mode is AutoresetMode.SAME_STEP:
            final = now.copy()
            final[done] = self.encoding.encode_observations(np.stack([*info["final_obs"][done]]))
        elif done.any() and self.mode is AutoresetMode.DISABLED:
            observation, _ = self.environment.reset(options={"reset_mask": done})
            now = self.encoding.encode_observations(observation)
        return Step(now, np.asarray(reward), terminated, truncated, final)
