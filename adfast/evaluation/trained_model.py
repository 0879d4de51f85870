"""TrainedModel: agents of a model file, for evaluations that name an agent."""

from __future__ import annotations

from typing import ClassVar, Unpack

from adfast.errors import InvalidArgument
from adfast.evaluation.agent import Agent, load
from adfast.evaluation.in_context_agent import AgentMaker, Choosing
from adfast.models.config import CachePrecision, Device, Precision
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema


class TrainedModel(AgentMaker):
    """Makes agents of `run`, a run directory (its newest checkpoint) or a checkpoint file.

    In the evaluation of a run, the run's own model acts where `run` is not given.
    """

    name: ClassVar[str] = "model"

    run: str | None = None
    device: Device = "auto"
    precision: Precision = "auto"
    cache: CachePrecision = "float32"

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> Agent:
        """A new agent; raises `CheckpointError` where there is no model."""
        if self.run is None:
            raise InvalidArgument('agent "model" needs run: a run directory or a checkpoint file')
        return load(
            self.run,
            num_environments,
            device=self.device,
            precision=self.precision,
            cache=self.cache,
            **choosing,
        )
