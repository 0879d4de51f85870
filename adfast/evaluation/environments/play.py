"""play: an agent acts in any Gymnasium environment that is like the one its histories are from.

Axes: N environments, E episodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import InContextAgent, require_agent
from adfast.evaluation.environments.environment_loops import Loop, VectorLoop
from adfast.simulators.vector_environments import require_all_at_once
from adfast.values import INTEGERS, as_count, fitted

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
