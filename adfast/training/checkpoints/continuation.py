"""Continuation: what a training is of, so that only the same is gone on with.

A checkpoint records the model, the schema, the settings that decide what is learned, the seed and
the identity of the histories. What changes only where, how fast and how often something is written
may differ, and so may the number of updates: the schedule is then that of the new number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adfast.config import list_differences, with_paths
from adfast.errors import CheckpointError
from adfast.training.config import TrainingConfig

RECORD = "continuation"
MAY_CHANGE = frozenset(
    {
        "updates",
        "threads",
        "device",
        "data_parallel",
        "context_ranks",
        "compile",
        "activation_checkpointing",
        "metrics_every",
        "checkpoint_every",
        "evaluate_every",
    }
)


def describe_continuation(
    config: TrainingConfig, seed: int, histories: Mapping[str, Any]
) -> dict[str, Any]:
    """JSON-ready, for a checkpoint beside what describes its model."""
    settings = config.model_dump(mode="json", exclude=set(MAY_CHANGE))
    return {RECORD: {"training": settings, "seed": seed, "histories": dict(histories)}}


def check_continues(path: Path, recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` unless `asked` describes the training that `recorded` does.

    Both are descriptions of a checkpoint, `recorded` that of `path`. What it does not record, as
    those of earlier versions know only model and schema, is not compared.
    """
    known = with_paths(comparable(recorded))
    wanted = with_paths(comparable(json.loads(json.dumps(asked))))
    wanted = {name: value for name, value in wanted.items() if name in known}
    differences = list_differences(known, wanted)
    if differences:
        raise CheckpointError(
            f"{path} is of another training ({'; '.join(differences)}); continue it with "
            "the settings it began with, or train in another directory"
        )


def comparable(description: Mapping[str, Any]) -> dict[str, Any]:
    """Section -> settings of a checkpoint's description."""
    model = {name: description[name] for name in ("model", "schema") if name in description}
    return model | dict(description.get(RECORD, {}))
