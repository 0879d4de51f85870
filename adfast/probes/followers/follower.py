"""Follower: a candidate that goes along with histories and says what it would do at each step.

Axes: N histories, M of them, A actions, E noises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adfast.evaluation.agents.in_context_agent import InContextAgent
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.tasks.transition_schema import BOUNDARY_INSIDE


@dataclass(frozen=True)
class Moment:
    """One transition of each of the histories `rows` int64 `[M]`, in ascending order.

    Fields of the schema `[M, ...]`, integers as int64; `episode` int64 `[M]` counts from 0.
    """

    rows: np.ndarray
    episode: np.ndarray
    episode_step: np.ndarray
    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_observation: np.ndarray
    boundary: np.ndarray

    @property
    def ends_episode(self) -> np.ndarray:
        """bool `[M]`."""
        return np.asarray(self.boundary != BOUNDARY_INSIDE)

    def select(self, chosen: np.ndarray) -> Moment:
        """Those of a mask or of places."""
        return Moment(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, moments: Sequence[Moment]) -> Moment:
        """All of them, one after the other, so that a history may have several transitions."""
        arrays = ([getattr(each, name) for each in moments] for name in cls.__dataclass_fields__)
        return cls(*map(np.concatenate, arrays))


Said = tuple[np.ndarray, np.ndarray]


class Follower(ABC):
    """A candidate in N histories that begin with the first moment, in one version or more."""

    versions: int = 1

    @abstractmethod
    def follow(self, now: Moment) -> list[Said]:
        """What each version, undisturbed, would have done: it is shown a moment, and goes on.

        float64 `[M, A]`: how probable each action is, at the usual noise in what came before; and
        `[M, E]`, or `[M, 1]` where noise makes no difference: how probable the one is that was
        taken, at each noise in what came before.
        """


class AgentFollower(Follower):
    """A hand-written agent, which is told what was done."""

    def __init__(self, agent: TransitionAgent) -> None:
        self._agent = agent
        agent.begin(np.arange(agent.num_environments))

    def follow(self, now: Moment) -> list[Said]:
        """What it would do by its logits."""
        logits = self._agent.action_logits(now.rows, now.observation, now.episode_step)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances = weights / weights.sum(axis=1, keepdims=True)
        transition = {
            "observation": now.observation,
            "action": now.action,
            "reward": now.reward,
            "next_observation": now.next_observation,
            "boundary": now.boundary,
            "episode_step": now.episode_step,
        }
        self._agent.learn(now.rows, transition)
        return [(chances, taken(chances, now))]


class ItselfFollower(Follower):
    """Who acted, whoever that is: what is left of its bits is chance, and nobody's to explain."""

    def __init__(self, agent: InContextAgent) -> None:
        self._agent = agent

    def follow(self, now: Moment) -> list[Said]:
        """What it would do, by its own word; raises `InvalidArgument` where it gives none."""
        agent, spec = self._agent, self._agent.schema.observation.stored
        over = np.ones(agent.num_environments, bool)
        over[now.rows] = False
        if over.any():
            agent.reset(over)
        observation = np.zeros((agent.num_environments, *spec.shape), spec.dtype)
        observation[now.rows] = now.observation
        agent.act(observation)
        chances = agent.action_probabilities()[now.rows]
        history = agent.schema.allocate(agent.num_environments, 1)
        for name, array in history.items():
            array.fill(0)
            array[now.rows, 0] = getattr(now, name)
        length = np.zeros(agent.num_environments, np.int64)
        length[now.rows] = 1
        agent.read(history, length)
        return [(chances, taken(chances, now))]


def taken(chances: np.ndarray, now: Moment) -> np.ndarray:
    """float64 `[M, 1]`: the chance of what was done."""
    return np.asarray(np.take_along_axis(chances, now.action[:, None], axis=1))
