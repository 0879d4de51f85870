"""Recipe: everything that a run is a function of, composed from the components' settings."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from adfast.baselines.rl2.config import RL2Config
from adfast.collection.config import CollectionConfig
from adfast.config import Config, Seed
from adfast.evaluation.config import EvaluationConfig
from adfast.models.config import ModelConfig
from adfast.runs.recipe.methods import AD, RL2, find_method, refuse_thick_histories
from adfast.runs.recipe.recorded_histories import EnvironmentConfig, HistoriesConfig
from adfast.tasks.config import FamilyConfig
from adfast.training.config import NO_RETURN_OF_LABELS, OPTIMAL_ACTION, TrainingConfig
from adfast.training.tracking.config import TrackingConfig

# The sections of which a recipe has the one pair or the other.
COLLECTED, RECORDED = ("family", "collection"), ("histories", "environment")


class Recipe(Config):
    """The settings of a run.

    It collects histories of a task family (`family`, `collection`), or begins from recorded ones
    and acts in their environment (`histories`, `environment`); or it is of method rl2, which learns
    by acting (`family`, `rl2`). Sections that mean nothing then are not written.
    """

    seed: Seed = 0
    """Keys every draw of every stage."""

    method: str = AD
    """AD, or what it is compared with: settings over the recipe's (`adfast list methods`)."""

    family: FamilyConfig = Field(default_factory=FamilyConfig)
    collection: CollectionConfig = Field(default_factory=CollectionConfig)
    histories: HistoriesConfig | None = None
    environment: EnvironmentConfig | None = None
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    rl2: RL2Config = Field(default_factory=RL2Config)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)

    @model_validator(mode="after")
    def _histories_are_of_one_kind(self) -> Recipe:
        given = [name for name in RECORDED if getattr(self, name) is not None]
        mixed = [name for name in COLLECTED if name in self.model_fields_set]
        if given and mixed:
            raise ValueError(
                f"[{given[0]}] and [{mixed[0]}] exclude each other: histories are collected, as "
                "[family] and [collection] say, or they were recorded, as [histories] and "
                "[environment] say; leave out the sections of one kind"
            )
        if len(given) == 1:
            raise ValueError(
                f"[{given[0]}] needs its other section: [histories] says where the recorded "
                "histories are, [environment] where the model acts; give both"
            )
        return self

    @model_validator(mode="after")
    def _objective_has_labels(self) -> Recipe:
        is_asked = self.training.objective == OPTIMAL_ACTION and self.collects
        if is_asked and not self.collection.labels:
            raise ValueError(
                f'training.objective "{OPTIMAL_ACTION}" needs labelled histories, got '
                "collection.labels = false; set collection.labels=true"
            )
        return self

    @model_validator(mode="after")
    def _what_is_rearranged_is_stored(self) -> Recipe:
        needs_store = self.training.rearranges or self.model.reads_return
        if needs_store and self.collects and self.collection.live:
            raise ValueError(
                "training.episode_order, training.rewards and model.reads_return change what is "
                "read of a store, got collection.live = true; set collection.live=false"
            )
        return self

    @model_validator(mode="after")
    def _returns_are_read(self) -> Recipe:
        if self.model.reads_return and self.training.objective == OPTIMAL_ACTION:
            raise ValueError(NO_RETURN_OF_LABELS)
        asked = self.evaluation.target_return
        if asked is None:
            return self
        if not self.model.reads_return:
            raise ValueError(
                f"evaluation.target_return needs a model that reads returns, got {asked:g} with "
                "model.reads_return = false; train one by --method return-conditioned, or leave it "
                'at "none"'
            )
        if not self.evaluation.is_of_own_model:
            raise ValueError(
                f"evaluation.target_return is asked of the run's own model, got {asked:g} for the "
                f'agent "{self.evaluation.agent}"; leave it at "none"'
            )
        return self

    @model_validator(mode="after")
    def _demonstrations_are_of_a_family(self) -> Recipe:
        if self.evaluation.demonstrations and self.environment is not None:
            raise ValueError(
                "evaluation.demonstrations are of an expert, which only a task family has, got "
                f"{self.evaluation.demonstrations} with [environment]; leave them out"
            )
        return self

    @model_validator(mode="after")
    def _method_is_known(self) -> Recipe:
        find_method(self.method)
        if self.collects:
            refuse_thick_histories(self.method, self.collection.keep_every)
        return self

    @model_validator(mode="after")
    def _sections_are_of_the_method(self) -> Recipe:
        without = meaningless(
            recorded=self.environment is not None, method=self.method, body=self.rl2.body
        )
        given = next((name for name in without if name in self.model_fields_set), None)
        if self.is_rl2 and given in (*RECORDED, "training"):
            raise ValueError(
                f'[{given}] means nothing to method "{RL2}", which learns from no histories but by '
                f"acting in a family's tasks, as [family] and [rl2] say; leave out [{given}]"
            )
        if self.is_rl2 and given == "model":
            raise ValueError(
                f'[model] describes the transformer of rl2.body = "transformer", got rl2.body = '
                f'"{self.rl2.body}", whose size are rl2.width and rl2.num_layers; leave out [model]'
            )
        if given == "rl2":
            raise ValueError(
                f'[rl2] is of method "{RL2}", got method = "{self.method}"; leave out [rl2], or '
                f"take --method {RL2}"
            )
        return self

    @property
    def is_rl2(self) -> bool:
        """Whether a policy is trained by RL2, and no model of histories."""
        return self.method == RL2

    @property
    def collects(self) -> bool:
        """Whether the run makes the histories that it trains on."""
        return self.histories is None and not self.is_rl2

    @property
    def attends(self) -> bool:
        """Whether what is trained is a transformer."""
        return not self.is_rl2 or self.rl2.body == "transformer"

    @property
    def receptive_field(self) -> int | None:
        """How many transitions a prediction depends on at most; None: all before it."""
        return self.model.receptive_field if self.attends else None

    @property
    def has_attention(self) -> bool:
        """Whether what a model attended to in its evaluation is recorded."""
        return self.evaluation.replays_what_was_read and not self.is_rl2

    @property
    def reason_not_to_collect(self) -> str | None:
        """Why the run collects no histories before it trains; None where it does."""
        if self.histories is not None:
            return f"histories.path names recorded ones, {self.histories.path}"
        if self.is_rl2:
            return f'method "{RL2}" learns by acting, and from no histories'
        live = "collection.live = true, so histories are made while training"
        return live if self.collection.live else None

    @model_serializer(mode="wrap")
    def _what_counts(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        recorded = self.environment is not None
        without = meaningless(recorded=recorded, method=self.method, body=self.rl2.body)
        return {name: value for name, value in values.items() if name not in without}


def meaningless(*, recorded: bool, method: str, body: str) -> tuple[str, ...]:
    """The sections that mean nothing for a recipe of recorded histories, or of collected ones, or
    of RL2, of whose bodies the transformer alone is described by [model].
    """
    if method == RL2:
        return (*RECORDED, "training", *(() if body == "transformer" else ("model",)))
    return (*(COLLECTED if recorded else RECORDED), "rl2")
