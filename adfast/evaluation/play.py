"""play: an agent acts in any Gymnasium environment that is like the one its histories are from.

Axes: N environments, E episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from adfast.collection.reused_arrays import ReuseWatch
from adfast.errors import InvalidArgument
from adfast.evaluation.in_context_agent import InContextAgent, require_agent
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.simulators.vector_environments import (
    autoreset_mode_of,
    encoding_of,
    final_observations,
    require_all_answered,
    require_all_at_once,
)
from adfast.values import INTEGERS, as_array, as_count, as_single, fitted

MAX_EPISODES = 2**31 - 1


@dataclass(frozen=True)
class Played:
    """Returns float64 `[N, E]` and lengths int64 `[N, E]` of the first episodes."""

    returns: np.ndarray
    lengths: np.ndarray


def play(
    agent: InContextAgent,
    environment: gymnasium.Env | VectorEnv,
    episodes: int,
    *,
    seed: int | list[int | None] | None = None,
) -> Played:
    """Let `agent` learn in context for `episodes` episodes, from an empty context.

    `environment` is a single one, or a vector environment in any autoreset mode; `seed` seeds its
    first reset. Raises `InvalidArgument` where the agent was made for another number of
    environments or for other spaces, or nothing is to be played.
    """
    require_agent("agent", agent)
    require_all_at_once(environment)
    episodes = as_count("episodes", episodes, MAX_EPISODES)
    loop = VectorLoop(environment) if isinstance(environment, VectorEnv) else Loop(environment)
    encoding, schema = loop.encoding, agent.schema
    spaces = (encoding.observation, encoding.num_actions)
    if spaces != (schema.observation, schema.num_actions):
        raise InvalidArgument(
            f"the agent acts on {schema}, but the environment has {encoding.schema(1)}; "
            "play in an environment with the spaces that the histories were recorded with"
        )
    if agent.num_environments != loop.num_environments:
        raise InvalidArgument(
            f"the agent acts in {agent.num_environments} environments, got "
            f"{loop.num_environments}; make it with num_environments={loop.num_environments}"
        )
    first = loop.reset(seed)
    agent.autoreset = "next-step" if loop.mode is AutoresetMode.NEXT_STEP else "same-step"
    agent.reset()
    played = Played(
        np.zeros((loop.num_environments, episodes)),
        np.zeros((loop.num_environments, episodes), np.int64),
    )
    episode = np.zeros(loop.num_environments, np.int64)
    only_resets = np.zeros(loop.num_environments, bool)
    actions = chosen(agent, first)
    while episode.min() < episodes:
        step = loop.step(encoding.decode_actions(actions), ~only_resets)
        counted = np.flatnonzero(~only_resets & (episode < episodes))
        played.returns[counted, episode[counted]] += step.reward[counted]
        played.lengths[counted, episode[counted]] += 1
        done = step.terminated | step.truncated
        episode += done
        if loop.mode is AutoresetMode.NEXT_STEP:
            only_resets = done
        actions = chosen(agent, *step)
    return played


def chosen(agent: InContextAgent, *told: np.ndarray) -> np.ndarray:
    """The actions int64 `[N]` of `agent`; raises `InvalidArgument` for what are none."""
    sizes, shape = (agent.schema.num_actions,), (agent.num_environments,)
    actions = agent.act(*told)
    name = f"an action of {type(agent).__name__}"
    return fitted(name, actions, np.int64, shape, sizes=sizes, kinds=INTEGERS, row="environment")


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
        return self._encoded(observation)

    def step(self, actions: np.ndarray, is_read: np.ndarray) -> Step:
        """One step, and the reset that follows an end."""
        observation, reward, terminated, truncated, _ = self.environment.step(actions[0])
        now = final = self._encoded(observation)
        outcome = read_outcome(
            as_single("reward", reward),
            as_single("terminated", terminated),
            as_single("truncated", truncated),
            is_read,
        )
        if outcome[1][0] or outcome[2][0]:
            now = self.reset(None)
        return Step(now, *outcome, final)

    def _encoded(self, observation: Any) -> np.ndarray:
        """One observation as a batch of one."""
        return self.encoding.encode_observations(as_array("observation", observation)[None], 1)


class VectorLoop:
    """Resets and steps of a vector environment; where the caller is to reset, it is reset."""

    def __init__(self, environment: VectorEnv) -> None:
        self.environment = environment
        self.num_environments = environment.num_envs
        self.mode = autoreset_mode_of(environment)
        self.encoding = encoding_of(environment)
        self._watch = ReuseWatch(environment, self.mode)
        self._seen = np.zeros(0)  # before a step

    def reset(self, seed: Any) -> np.ndarray:
        """The first observations."""
        observation, _ = self.environment.reset(seed=seed)
        first = self.encoding.encode_observations(observation, self.num_environments)
        self._watch.begin()
        self._seen = first.copy()
        return first

    def step(self, actions: np.ndarray, is_read: np.ndarray) -> Step:
        """One step everywhere; reward and ends are read where `is_read` (bool `[N]`)."""
        self._watch.begin_step()
        observation, reward, terminated, truncated, info = self.environment.step(actions)
        require_all_answered(info, self.num_environments)
        outcome = read_outcome(reward, terminated, truncated, is_read)
        done = outcome[1] | outcome[2]
        now = final = self.encoding.encode_observations(observation, self.num_environments)
        self._watch.require_apart(self._seen, now)
        if done.any() and self.mode is AutoresetMode.SAME_STEP:
            ended = self.encoding.encode_observations(
                final_observations(info, done), int(done.sum())
            )
            self._watch.require_final(info, done, observation, self._seen, now, ended)
            final = now.copy()
            final[done] = ended
        elif done.any() and self.mode is AutoresetMode.DISABLED:
            observation, _ = self.environment.reset(options={"reset_mask": done})
            now = self.encoding.encode_observations(observation, self.num_environments, where=done)
            now[~done] = final[~done]
        self._seen = now.copy()  # the environment may use its arrays again
        return Step(now, *outcome, final)


def read_outcome(
    reward: Any, terminated: Any, truncated: Any, is_read: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float64 and bool `[N]`, zero where they are not read; raises `InvalidArgument` for others."""
    shape, row = is_read.shape, "environment"
    return (
        fitted("reward", reward, np.float64, shape, where=is_read, row=row),
        fitted("terminated", terminated, np.bool_, shape, where=is_read, row=row),
        fitted("truncated", truncated, np.bool_, shape, where=is_read, row=row),
    )
