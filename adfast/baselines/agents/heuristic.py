"""The critique's heuristic: go where the last reward was; as long as there is none, wander.

It is what Algorithm Distillation would have to be more than. Twin:
`tests/reference/heuristic.py`.

Axes: N environments, M of them, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Unpack

import numpy as np
from pydantic import Field

from adfast import source_algorithms
from adfast.baselines.agents.goal_memory import NOWHERE, GoalMemory
from adfast.baselines.agents.room import Room, room_of
from adfast.baselines.agents.rule_memory import ActedOn, RuleMemory, require_memory
from adfast.baselines.agents.rules_agent import require_family
from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import AgentMaker, Choosing, TrainedOn
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema


class Uniform:
    """Explores by any action."""

    def begin(self, environments: np.ndarray) -> None:
        """Nothing is remembered."""

    def learn(
        self, environments: np.ndarray, transition: Mapping[str, np.ndarray], given_up: np.ndarray
    ) -> None:
        """Nothing is learned."""

    def chances(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> Any:
        """Float `[M, A]`, or what stands for it: how probable each action is, up to a factor."""
        return 1.0


class Unvisited(Uniform):
    """Explores by a shortest way to the cells not yet entered, ties as likely as each other.

    Views have cells of their own. When all are entered, or a goal is given up, all count anew.
    """

    def __init__(self, name: str, room: Room, num_environments: int) -> None:
        self._room = room
        size = num_environments * room.num_views * room.num_cells
        require_memory(name, size, num_environments)
        self._wanted = np.ones((num_environments, room.num_views, room.num_cells), bool)

    def begin(self, environments: np.ndarray) -> None:
        """All cells are new."""
        self._wanted[environments] = True

    def learn(
        self, environments: np.ndarray, transition: Mapping[str, np.ndarray], given_up: np.ndarray
    ) -> None:
        """Note the cells that were entered."""
        _, view = self._room.locate(transition["observation"])
        entered, _ = self._room.locate(transition["next_observation"])
        self._wanted[environments, view, entered] = False
        anew = given_up | ~self._wanted[environments, view].any(axis=1)
        self._wanted[environments[anew], view[anew]] = True

    def chances(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> Any:
        """bool `[M, A]`: the actions that lead there."""
        cell, view = self._room.locate(observation)
        return self._room.towards_nearest(cell, self._wanted[environments, view])


class SourceFirstEpisode(Uniform):
    """Explores as the source algorithm does in its first episode, which each one is anew."""

    def __init__(self, learner: SourceAlgorithm, family: TaskFamily, num_environments: int) -> None:
        self._memory = RuleMemory(learner, family, num_environments, 0, None)
        if not self._memory.says_chances:
            raise InvalidArgument(
                f'explore = "source-first-episode" needs an algorithm whose rules say how probable '
                f"actions are, got {learner.name}; name another one, such as q-learning"
            )
        if self._memory.tells_episodes:
            raise InvalidArgument(
                'explore = "source-first-episode" needs an algorithm that learns from steps alone, '
                f"got {learner.name}, which draws what it follows when an episode begins; name "
                "another one, such as q-learning"
            )
        self._sizes = family.observation_sizes

    def begin(self, environments: np.ndarray) -> None:
        """The first episode may have begun before the history does."""
        self._memory.begin(environments)

    def learn(
        self, environments: np.ndarray, transition: Mapping[str, np.ndarray], given_up: np.ndarray
    ) -> None:
        """What the source would learn from it."""
        self._memory.update(
            environments,
            np.ravel_multi_index(tuple(transition["observation"].T), self._sizes),
            transition["action"],
            transition["reward"],
            np.ravel_multi_index(tuple(transition["next_observation"].T), self._sizes),
            transition["boundary"],
        )

    def chances(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> Any:
        """float64 `[M, A]`: those of the source."""
        first = np.zeros(len(environments), np.int64)
        self._memory.begin(environments[episode_step == 0])
        seen = np.ravel_multi_index(tuple(observation.T), self._sizes)
        return self._memory.chances(ActedOn(environments, seen, first, episode_step))


class HeuristicAgent(TransitionAgent):
    """Goes a shortest way to where it was paid last, and explores by `explorer` otherwise."""

    def __init__(
        self,
        room: Room,
        explorer: Uniform,
        patience: int | None,
        schema: TransitionSchema,
        num_environments: int,
        **choosing: Unpack[Choosing],
    ) -> None:
        super().__init__(schema, num_environments, **choosing)
        self.room = room
        self.explorer = explorer
        self.memory = GoalMemory(room, num_environments, patience)

    def begin(self, environments: np.ndarray) -> None:
        """All is forgotten."""
        self.memory.begin(environments)
        self.explorer.begin(environments)

    def learn(self, environments: np.ndarray, transition: Mapping[str, np.ndarray]) -> None:
        """Where it was paid, and where no longer."""
        given_up = self.memory.learn(environments, transition)
        self.explorer.learn(environments, transition, given_up)

    def action_logits(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> np.ndarray:
        """The logarithms of `chances`."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.chances(environments, observation, episode_step)))

    def chances(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> np.ndarray:
        """float64 `[M, A]`: how probable each action is, up to a factor."""
        cell, view = self.room.locate(observation)
        target = self.memory.target(environments, view)
        found = np.ones((len(environments), self.schema.num_actions))
        found *= self.explorer.chances(environments, observation, episode_step)
        going = target != NOWHERE
        found[going] = self.going(environments[going], cell[going], target[going])
        return found

    def going(self, environments: np.ndarray, cell: np.ndarray, target: np.ndarray) -> np.ndarray:
        """float64 `[M, A]`: the first actions of all shortest ways, as likely as each other."""
        best = self.room.towards(cell, target)
        return np.asarray(best / best.sum(axis=1, keepdims=True))


class Heuristic(AgentMaker):
    """Goes back to where the last reward was; as long as there is none, explores.

    Defined in square rooms, of which it knows the moves. What is seen beside the position, such as
    the number of a room or that a key is held, has a last reward of its own.
    """

    name: ClassVar[str] = "heuristic"

    explore: Literal["uniform", "source-first-episode", "unvisited"] = "uniform"
    """How: any action; as the source in its first episode; or to the nearest cell not entered."""

    patience: Count = 1
    """Unpaid visits after which a cell is given up."""

    algorithm: str | None = None
    """Whose first episode; none: of the algorithm of the run that is evaluated."""

    algorithm_options: dict[str, Any] = Field(default_factory=dict)
    """Options of that algorithm."""

    def beside(self, trained_on: TrainedOn) -> AgentMaker:
        """With the run's algorithm unless one is named."""
        is_asked = self.explore == "source-first-episode" and self.algorithm is None
        if not is_asked or trained_on.algorithm is None:
            return self
        options = {**trained_on.options, **self.algorithm_options}
        return self.model_copy(
            update={"algorithm": trained_on.algorithm, "algorithm_options": options}
        )

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
    ) -> HeuristicAgent:
        """A new agent; raises `InvalidArgument` where it is not defined."""
        room = room_of(self.name, family, schema)
        explorer = self.explorer(room, require_family(self.name, family, schema), num_environments)
        return HeuristicAgent(room, explorer, self.patience, schema, num_environments, **choosing)

    def explorer(self, room: Room, family: TaskFamily, num_environments: int) -> Uniform:
        """How it explores."""
        if self.explore == "uniform":
            return Uniform()
        if self.explore == "unvisited":
            return Unvisited(self.name, room, num_environments)
        if self.algorithm is None:
            raise InvalidArgument(
                'explore = "source-first-episode" needs algorithm, the name of a source algorithm, '
                "where the agent acts beside no run whose histories one has written"
            )
        learner = source_algorithms.make(self.algorithm, **self.algorithm_options)
        return SourceFirstEpisode(learner, family, num_environments)
