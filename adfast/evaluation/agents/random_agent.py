"""RandomAgent: every action as likely as any other, whatever happens."""

from __future__ import annotations

from typing import ClassVar, Unpack

import numpy as np

from adfast.evaluation.agents.in_context_agent import AgentMaker, Choosing
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema


class RandomAgent(TransitionAgent):
    """Acts uniformly at random."""

    def action_logits(
        self, environments: np.ndarray, observation: np.ndarray, episode_step: np.ndarray
    ) -> np.ndarray:
        """All the same."""
        return np.zeros((len(environments), self.schema.num_actions))


class RandomActions(AgentMaker):
    """Every action as likely as any other; at temperature 0 the first of them."""

    name: ClassVar[str] = "random"

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> RandomAgent:
        """A new agent for environments of `schema`."""
        return RandomAgent(schema, num_environments, **choosing)
