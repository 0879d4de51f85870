"""CompetenceMimic: acts as competently as its context looks, no more and no less.

It knows the room, not the task. Twin: `tests/reference/heuristic.py`.

Axes: N environments, M of them, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Unpack

import numpy as np

from adfast.baselines.agents.competence import Competence, mean_optimum
from adfast.baselines.agents.heuristic import HeuristicAgent, Uniform
from adfast.baselines.agents.room import Room, room_of
from adfast.baselines.agents.rules_agent import require_family
from adfast.config import Count
from adfast.evaluation.agents.in_context_agent import AgentMaker, Choosing
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema


class CompetentAgent(HeuristicAgent):
    """Goes to where it was paid with a probability, and takes any action otherwise.

    That is what `competence` says and `improvement` more.
    """

    def __init__(
        self,
        room: Room,
        explorer: Uniform,
        patience: int | None,
        competence: Competence,
        improvement: float,
        schema: TransitionSchema,
        num_environments: int,
        **choosing: Unpack[Choosing],
    ) -> None:
        super().__init__(room, explorer, patience, schema, num_environments, **choosing)
        self.competence = competence
        self.improvement = improvement

    def begin(self, environments: np.ndarray) -> None:
        """All is forgotten."""
        super().begin(environments)
        self.competence.begin(environments)

    def learn(self, environments: np.ndarray, transition: Mapping[str, np.ndarray]) -> None:
        """Where it was paid, and how much."""
        super().learn(environments, transition)
        self.competence.learn(environments, transition)

    def going(self, environments: np.ndarray, cell: np.ndarray, target: np.ndarray) -> np.ndarray:
        """float64 `[M, A]`: the actions of shortest ways, and any other now and then."""
        share = self.competence.share(environments) + self.improvement
        share = np.minimum(share, 1.0)[:, None]
        best = super().going(environments, cell, target)
        return np.asarray(share * best + (1.0 - share) / best.shape[1])


class CompetenceMimic(AgentMaker):
    """Acts well as often as its context earned of the optimum, and at random otherwise.

    Where it was paid last is all that it knows of the task, and it never gives that up.
    """

    name: ClassVar[str] = "competence-mimic"

    judged_episodes: Count = 2
    """Last episodes whose returns say how competent the context looks."""

    def check(self, family: TaskFamily | None) -> None:
        """Raise `InvalidArgument` unless the agent is defined there."""
        if family is not None:
            self.make_agent(family.transition_schema, 1, family=family)

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> CompetentAgent:
        """A new agent; raises `InvalidArgument` where it is not defined."""
        room = room_of(self.name, family, schema)
        optimum = mean_optimum(self.name, require_family(self.name, family, schema))
        competence = Competence(optimum, self.judged_episodes, num_environments)
        return CompetentAgent(
            room, Uniform(), None, competence, 0.0, schema, num_environments, **choosing
        )
