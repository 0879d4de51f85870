"""TrainedModel: agents of a model file, for evaluations that name an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Unpack

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import AgentMaker, Choosing
from adfast.models.config import CachePrecision, Device, Precision
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import TransitionSchema

if TYPE_CHECKING:
    from adfast.evaluation.agents.agent import Agent


class TrainedModel(AgentMaker):
    """A trained model, of the run itself unless another is named."""

    name: ClassVar[str] = "model"

    run: str | None = None
    """A run directory or a checkpoint file; none: the model of the run that is evaluated."""

    target_return: float | None = None
    """Return of an episode that a model is asked for which reads returns; none: the best that it
    was trained on."""

    device: Device = "auto"
    """Where the model acts; auto: on CUDA where there is a card."""

    precision: Precision = "auto"
    """What the blocks compute in; auto: bfloat16 on CUDA."""

    cache: CachePrecision = "float32"
    """What the CPU keeps keys and values in; bfloat16 halves the memory that a step reads."""

    def make_agent(
        self,
        schema: TransitionSchema,
        num_environments: int,
        *,
        family: TaskFamily | None = None,
        **choosing: Unpack[Choosing],
    ) -> Agent:
        """A new agent; raises `CheckpointError` where there is no model."""
        from adfast.evaluation.agents.agent import load

        if self.run is None:
            raise InvalidArgument('agent "model" needs run: a run directory or a checkpoint file')
        return load(
            self.run,
            num_environments,
            target_return=self.target_return,
            device=self.device,
            precision=self.precision,
            cache=self.cache,
            **choosing,
        )
