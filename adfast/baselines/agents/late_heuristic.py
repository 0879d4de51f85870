"""The heuristic that acts on nothing before it has seen a number of episodes.

Who cuts its context to fewer sees it act at random for ever: one of whom it is known that a short
context is too short. Twin: `tests/reference/heuristic.py`.

Axes: N environments, M of them, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Unpack

import numpy as np

from adfast.baselines.agents.heuristic import Heuristic, HeuristicAgent, Uniform
from adfast.baselines.agents.room import Room, room_of
from adfast.baselines.agents.rules_agent import require_family
from adfast.config import Count
from adfast.evaluation.agents.in_context_agent import Choosing
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, TransitionSchema


class LateAgent(HeuristicAgent):
    """Takes any action before it has seen `episodes` end, whatever it has been paid."""

    def __init__(
        self,
        room: Room,
        explorer: Uniform,
        patience: int | None,
        episodes: int,
        schema: TransitionSchema,
        num_environments: int,
        **choosing: Unpack[Choosing],
    ) -> None:
        super().__init__(room, explorer, patience, schema, num_environments, **choosing)
        self._episodes = episodes
        self._left = np.full(num_environments, episodes)  # to be seen

    def begin(self, environments: np.ndarray) -> None:
        """No episode was seen."""
        super().begin(environments)
        self._left[environments] = self._episodes

    def learn(self, environments: np.ndarray, transition: Mapping[str, np.ndarray]) -> None:
        """Where it was paid, as ever, and which episodes are over."""
        super().learn(environments, transition)
        self._left[environments] -= transition["boundary"] != BOUNDARY_INSIDE

    def chances(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> np.ndarray:
        """float64 `[M, A]`: how probable each action is, up to a factor."""
        found = super().chances(environments, observation, episode_step)
        found[self._left[environments] > 0] = 1.0
        return found


class LateHeuristic(Heuristic):
    """The heuristic, but at random as long as it has seen fewer than a number of episodes."""

    name: ClassVar[str] = "late-heuristic"

    explore: Literal["uniform", "source-first-episode", "unvisited"] = "unvisited"
    """How, once it has seen them: any action; as the source in its first episode; or to the
    nearest cell not entered."""

    episodes: Count = 2
    """Episodes that it must have seen before it acts on any of them."""

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> LateAgent:
        """A new agent; raises `InvalidArgument` where it is not defined."""
        room = room_of(self.name, family, schema)
        explorer = self.explorer(room, require_family(self.name, family, schema), num_environments)
        return LateAgent(
            room, explorer, self.patience, self.episodes, schema, num_environments, **choosing
        )
