"""Subject: what a probe is put to, and what it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adfast.collection.config import CollectionConfig
from adfast.evaluation.agents.in_context_agent import AgentMaker
from adfast.evaluation.recorder import Trajectories
from adfast.models.transformer import Transformer
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily
from adfast.tasks.task_split import TaskSplit
from adfast.training.config import OPTIMAL_ACTION


@dataclass(frozen=True)
class Subject:
    """Who is asked, a trained model or an agent by name, with the tasks that it is to know or not.

    `source` wrote the histories that a model learned from, as `collection` says, by `seed`; where
    they were recorded in Gymnasium environments, these two and `family` are None.
    `trajectories` are what it did on the held-out tasks when it was evaluated, in their order.
    `settings` are those of its run, section by section.
    """

    name: str
    family: TaskFamily | None
    split: TaskSplit
    source: SourceAlgorithm | None
    collection: CollectionConfig | None
    seed: int
    model: Transformer | None = None
    agent: AgentMaker | None = None
    trajectories: Trajectories | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_asked_labels(self) -> bool:
        """Whether its run trained on what the source held right, not on what it did."""
        return bool(self.settings.get("training", {}).get("objective") == OPTIMAL_ACTION)

    @property
    def collected(self) -> tuple[TaskFamily, SourceAlgorithm, CollectionConfig]:
        """What its histories were collected by, of a subject that was required to have that."""
        assert self.family is not None, "required"
        assert self.source is not None, "required"
        assert self.collection is not None, "required"
        return self.family, self.source, self.collection
