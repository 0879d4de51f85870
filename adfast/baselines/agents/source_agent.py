"""Source algorithms as agents: whoever writes histories also acts where models are evaluated."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Unpack

from pydantic import Field

from adfast import source_algorithms
from adfast.baselines.agents.rule_memory import RuleMemory
from adfast.baselines.agents.rules_agent import RulesAgent, require_family
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import AgentMaker, Choosing, TrainedOn
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema


class LearnerAgent(AgentMaker):
    """A compiled learner as an agent."""

    @abstractmethod
    def learner(self) -> SourceAlgorithm:
        """The learner; raises `InvalidArgument` where none is named."""

    def check(self, family: TaskFamily | None) -> None:
        """Raise `InvalidArgument` where the learner cannot be an agent, or not of `family`."""
        learner = self.learner()
        if family is not None:
            require_family(learner.name, family, family.transition_schema)
            RuleMemory(learner, family, 1, 0, None)

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> RulesAgent:
        """A new agent; raises `InvalidArgument` where the learner cannot be one."""
        return RulesAgent(self.learner(), family, schema, num_environments, **choosing)


class SourceAgent(LearnerAgent):
    """A source algorithm that learns as it acts, told what an agent is told.

    Its returns are those of its own histories, bit for bit.
    """

    name: ClassVar[str] = "source-algorithm"

    algorithm: str | None = None
    """Which, by name or as "package.module:Class"; none: that of the run that is evaluated."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the algorithm."""

    def beside(self, trained_on: TrainedOn) -> AgentMaker:
        """With the run's algorithm unless one is named; with options, these over the run's."""
        if self.algorithm is not None or trained_on.algorithm is None:
            return self
        options = {**trained_on.options, **self.options}
        return SourceAgent(algorithm=trained_on.algorithm, options=options)

    def learner(self) -> SourceAlgorithm:
        """The algorithm; raises `InvalidArgument` where none is named."""
        if self.algorithm is None:
            raise InvalidArgument(
                "source-algorithm needs algorithm, the name of a source algorithm, where it acts "
                "beside no run whose histories one has written"
            )
        return source_algorithms.make(self.algorithm, **self.options)


class PosteriorSamplingAgent(LearnerAgent):
    """Draws a task of the family that agrees with all that was seen, and acts as if it were so."""

    name: ClassVar[str] = "posterior-sampling"

    redraws: bool = False
    """Whether the next task is drawn at once where the drawn one is refuted, within an episode."""

    def learner(self) -> SourceAlgorithm:
        """The source algorithm of this name."""
        return source_algorithms.make(self.name, redraws=self.redraws)


class IdealLearnerAgent(LearnerAgent):
    """Learns the family's tasks as well as is known to be possible."""

    name: ClassVar[str] = "ideal-learner"

    def learner(self) -> SourceAlgorithm:
        """The source algorithm of this name, undisturbed."""
        return source_algorithms.make(self.name)
