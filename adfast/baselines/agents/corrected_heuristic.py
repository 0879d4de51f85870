"""The critique's heuristic with the critique's corrections.

Searching, it keeps away from where the last episodes failed; going to where it was paid, it is as
incompetent as its context looks, but for a little. Twin: `tests/reference/heuristic.py`.

Axes: N environments, M of them, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Unpack

import numpy as np
from pydantic import Field

from adfast.baselines.agents.competence import Competence, mean_optimum
from adfast.baselines.agents.competence_mimic import CompetentAgent
from adfast.baselines.agents.heuristic import Uniform
from adfast.baselines.agents.room import Room, room_of
from adfast.baselines.agents.rule_memory import require_memory
from adfast.baselines.agents.rules_agent import require_family
from adfast.config import Count, CountOrNone
from adfast.evaluation.agents.in_context_agent import AgentMaker, Choosing
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, TransitionSchema

LONG_AGO = -(2**30)  # an episode


class KeepAway(Uniform):
    """Explores by a shortest way to cells that no failed episode of late has entered.

    These are all but the ones entered in this episode and in the last `avoided_episodes`, in this
    view, since a reward; where there is none, any action will do.
    """

    def __init__(self, name: str, room: Room, num_environments: int, avoided_episodes: int) -> None:
        self._room = room
        self._avoided_episodes = avoided_episodes
        shape = (num_environments, room.num_views, room.num_cells)
        require_memory(name, 4 * int(np.prod(shape)), num_environments)
        self._entered = np.full(
            shape, LONG_AGO, np.int32
        )  # the episode of it, counted in a history
        self._episode = np.zeros(num_environments, np.int32)

    def begin(self, environments: np.ndarray) -> None:
        """Nothing was entered."""
        self._entered[environments] = LONG_AGO
        self._episode[environments] = 0

    def learn(
        self, environments: np.ndarray, transition: Mapping[str, np.ndarray], given_up: np.ndarray
    ) -> None:
        """Note where it went, and forget that where it was paid."""
        _, view = self._room.locate(transition["observation"])
        entered, _ = self._room.locate(transition["next_observation"])
        self._entered[environments, view, entered] = self._episode[environments]
        is_paid = transition["reward"] > 0
        self._entered[environments[is_paid], view[is_paid]] = LONG_AGO
        self._episode[environments[transition["boundary"] != BOUNDARY_INSIDE]] += 1

    def chances(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> Any:
        """bool `[M, A]`: the actions that lead there."""
        cell, view = self._room.locate(observation)
        since = self._episode[environments, None] - self._entered[environments, view]
        wanted = since > self._avoided_episodes
        wanted |= ~wanted.any(axis=1, keepdims=True)
        return self._room.towards_nearest(cell, wanted)


class CorrectedHeuristic(AgentMaker):
    """The heuristic that searches elsewhere after failures and is as incompetent as its context.

    Defined in square rooms, of which it knows the moves and the mean optimum.
    """

    name: ClassVar[str] = "corrected-heuristic"

    avoided_episodes: CountOrNone = 3
    """Last episodes whose cells it keeps away from while it searches."""

    judged_episodes: Count = 2
    """Last episodes whose returns say how competent the context looks."""

    improvement: Annotated[float, Field(ge=0, le=1)] = 0.2
    """How much more competent than its context it is, as a share of the optimum."""

    patience: Count = 1
    """Unpaid visits after which a cell is given up."""

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
        return CompetentAgent(
            room,
            KeepAway(self.name, room, num_environments, self.avoided_episodes),
            self.patience,
            Competence(optimum, self.judged_episodes, num_environments),
            self.improvement,
            schema,
            num_environments,
            **choosing,
        )
