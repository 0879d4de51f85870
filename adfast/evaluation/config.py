"""The settings of an in-context evaluation. Free of torch."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from adfast.config import Config, Count, CountOrNone
from adfast.errors import InvalidArgument
from adfast.models.config import CachePrecision, Device, Precision
from adfast.tasks.config import FamilyConfig

OWN_MODEL = "model"
HELD_OUT, VALIDATION = "held-out", "validation"


class EvaluationConfig(Config):
    """Who acts on each task, how long and on how many seeds.

    `train_tasks` of the training tasks are evaluated too, for comparison. Evaluations while
    training are shorter: `monitor_episodes` episodes on `monitor_seeds` seeds.
    """

    tasks: Literal["held-out", "validation"] = "held-out"
    """Which tasks count; choices, as of a recipe or a temperature, are made by validation ones."""

    family: FamilyConfig | None = None
    """Another family of the same transition schema to act in, as [family]; none: the run's."""

    family_tasks: Count | None = None
    """Tasks of another family that are acted on; none: as many as the run holds out of its own."""

    episodes: Count = 40
    """Episodes on each task."""

    seeds: Count = 8
    """Independent repetitions on each task."""

    temperature: float = Field(1.0, ge=0)
    """Divides the logits that actions are drawn by; 0 takes the likeliest action."""

    target_return: float | None = Field(None, ge=-1e30, le=1e30)
    """Return of an episode that a model is asked for which reads returns; none: the best that it
    was trained on."""

    demonstrations: CountOrNone = 0
    """Episodes of an expert on the same task that are read before the first one that is played."""

    demonstration_noise: float = Field(0.0, ge=0, le=1)
    """Probability that an action of the expert is uniformly random."""

    tell_rewards: bool = True
    """Whether who acts is told what was paid; else that every reward is 0."""

    train_tasks: CountOrNone = 16
    """Training tasks that are evaluated beside those that count."""

    monitor_episodes: Count = 15
    """Episodes of an evaluation while training."""

    monitor_seeds: Count = 1
    """Repetitions of an evaluation while training."""

    device: Device = "auto"
    """Where the model acts; auto: on CUDA where there is a card."""

    precision: Precision = "auto"
    """What the blocks compute in; auto: bfloat16 on CUDA."""

    cache: CachePrecision = "float32"
    """What the CPU keeps keys and values in; bfloat16 halves the memory that a step reads."""

    agent: str = OWN_MODEL
    """Who acts, by name or as "package.module:Class"; model is the run's own."""

    agent_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the agent."""

    @model_validator(mode="after")
    def _has_a_family_of_these_tasks(self) -> Self:
        if self.family_tasks is not None and self.family is None:
            raise InvalidArgument(
                f"family_tasks are of another family, got {self.family_tasks} and none; name it by "
                "evaluation.family.name, or leave them out: collection.held_out says how many of "
                "the run's own there are"
            )
        return self

    @property
    def replays_what_was_read(self) -> bool:
        """Whether the run's model acted, and was told no more and no less than is recorded."""
        return self.is_of_own_model and self.demonstrations == 0 and self.tell_rewards

    @property
    def is_of_own_model(self) -> bool:
        """Whether the run's own model acts."""
        return self.agent == OWN_MODEL and not self.agent_options
