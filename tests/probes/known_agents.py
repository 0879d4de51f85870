"""Subjects that are agents of known kind, in a small Dark Room."""

from __future__ import annotations

from typing import Any

from adfast import source_algorithms, tasks
from adfast.collection.config import CollectionConfig
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import TrainedOn
from adfast.probes.subject import Subject


def agent_subject(agent: str, held_out: int = 6, **changes: Any) -> Subject:
    """Agent `agent` beside a source and a split of 25 goals, of which `held_out` are held out."""
    family = changes.pop("family", tasks.make("dark-room", size=5, episode_length=10))
    source = changes.pop("source", source_algorithms.make("q-learning"))
    split = family.split(held_out, seed=0)
    trained_on = TrainedOn(source.name, source.model_dump(), split.train)
    return Subject(
        **{
            "name": agent,
            "family": family,
            "split": split,
            "source": source,
            "collection": CollectionConfig(episodes=40, held_out=held_out),
            "seed": 0,
            "agent": AGENTS.make(agent).beside(trained_on),
            **changes,
        }
    )
