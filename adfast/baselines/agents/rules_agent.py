"""RulesAgent: a compiled learner as an agent, its rules fed by `act` and `read`.

It draws from the streams that the learner draws from in its own histories. So the returns of its
evaluation are `learner.returns` of the same tasks, random streams and seed, bit for bit.

Axes: N environments, M of them, A actions.
"""

from __future__ import annotations

import numpy as np

from adfast.baselines.agents.rule_memory import ActedOn, RuleMemory
from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Acting, Outcome, Situation
from adfast.evaluation.agents.checked_agent import MAX_ENVIRONMENTS, CheckedAgent
from adfast.evaluation.agents.in_context_agent import Autoreset
from adfast.evaluation.sampling.action_sampling import action_keys
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)
from adfast.values import as_count


class RulesAgent(CheckedAgent):
    """`learner` in tasks of `family`: a learner of its own in each environment."""

    def __init__(
        self,
        learner: SourceAlgorithm,
        family: TaskFamily | None,
        schema: TransitionSchema,
        num_environments: int = 1,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        random_streams: np.ndarray | None = None,
        autoreset: Autoreset = "same-step",
    ) -> None:
        name = learner.name
        family = require_family(name, family, schema)
        if temperature != 1.0:
            raise InvalidArgument(
                f"temperature must be 1 for {name}, which draws its actions by its own rules, got "
                f"{temperature:g}; leave it out, or set evaluation.temperature=1"
            )
        num_environments = as_count("num_environments", num_environments, MAX_ENVIRONMENTS)
        action_keys(seed, random_streams, num_environments)  # raises for what are no streams
        memory = RuleMemory(learner, family, num_environments, seed, random_streams)
        acting = RulesStep(memory, num_environments)
        super().__init__(schema, num_environments, 1.0, acting, autoreset)


class RulesStep(Acting):
    """Tells the learners of `memory` what happened, and lets them choose."""

    def __init__(self, memory: RuleMemory, num_environments: int) -> None:
        family = memory.family
        super().__init__(num_environments, family.episode_length)
        self._memory = memory
        self._sizes = family.observation_sizes
        self._begins = np.ones(num_environments, bool)  # a history
        self._begins_episode = np.ones(num_environments, bool)
        # What was chosen last, and on what.
        self._last = ActedOn(*(np.zeros(num_environments, np.int64) for _ in range(4)))
        self._action = np.zeros(num_environments, np.int64)
        self._moved = np.zeros(0, np.int64)

    def _forget(self, mask: np.ndarray | None) -> None:
        self._begins[... if mask is None else mask] = True

    def _choose(self, now: Situation) -> np.ndarray:
        observation, outcome, active, episode_step, _ = now
        seen = np.ravel_multi_index(tuple(observation.T), self._sizes)
        last = self._last
        if outcome is not None and outcome.continues.any():
            self._tell(seen, outcome)
        everyone = np.arange(len(self._action))
        moving = everyone if active is None else np.flatnonzero(active)
        if (begin := moving[self._begins[moving]]).size:
            self._memory.begin(begin)
            last.episode[begin] = 0
            self._begins[begin] = False
            self._begins_episode[begin] = True
        if (begin := moving[self._begins_episode[moving]]).size:
            self._memory.begin_episode(begin, last.episode[begin], seen[begin])
            self._begins_episode[begin] = False
        last.seen[moving], last.episode_step[moving] = seen[moving], episode_step[moving]
        self._action[moving] = self._memory.choose(self._acted_on(moving))
        self._moved = moving
        return self._action.copy()

    def _tell(self, seen: np.ndarray, outcome: Outcome) -> None:
        """Let the learners learn from the transitions that `outcome` completes."""
        rows = np.flatnonzero(outcome.continues)
        done = outcome.done[rows]
        reached = seen[rows]
        final = outcome.final_observation[rows[done]]
        reached[done] = np.ravel_multi_index(tuple(final.T), self._sizes)
        ending = np.where(outcome.terminated[rows], BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED)
        self._memory.update(
            rows,
            self._last.seen[rows],
            self._action[rows],
            outcome.reward[rows],
            reached,
            np.where(done, ending, BOUNDARY_INSIDE),
        )
        self._last.episode[rows[done]] += 1
        self._begins_episode[rows[done]] = True

    def _acted_on(self, rows: np.ndarray) -> ActedOn:
        last = self._last
        return ActedOn(rows, last.seen[rows], last.episode[rows], last.episode_step[rows])

    def take_over(self, actions: np.ndarray, mask: np.ndarray) -> None:
        """Where `mask`, `actions` were taken."""
        self._action[mask] = actions[mask]

    def logits(self) -> np.ndarray:
        """Float64 `[N, A]`: the logarithms of how probable the last actions were."""
        found = np.zeros((len(self._action), self._memory.family.num_actions))
        with np.errstate(divide="ignore"):
            found[self._moved] = np.log(self._memory.chances(self._acted_on(self._moved)))
        return found


def require_family(name: str, family: TaskFamily | None, schema: TransitionSchema) -> TaskFamily:
    """`family`; raises `InvalidArgument` unless there is one, and what is seen there is counted."""
    if family is None:
        raise InvalidArgument(
            f"{name} acts in tasks of a family, which environments of none do not have; take an "
            "agent that needs none, such as random or a trained model"
        )
    if not isinstance(schema.observation, DiscreteObservation):
        raise InvalidArgument(
            f"{name} needs observations that are counted, but {family.name} has "
            f"{schema.observation}; take another agent, such as random or a trained model"
        )
    return family
