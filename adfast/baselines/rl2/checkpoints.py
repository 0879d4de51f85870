"""Checkpoints of RL2: policy, Adam and where training stands, in one atomic safetensors file.

Nothing of an environment is in them, since every update begins its own trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.policy import Policy, make_policy
from adfast.config import list_differences
from adfast.durable import sync_folder
from adfast.errors import CheckpointError, InvalidArgument
from adfast.models.checkpoint import (
    OPTIMIZER_PREFIX,
    POLICY,
    load_weights,
    read_config,
    read_tensors,
    require_finite,
    write_tensors,
)
from adfast.models.config import ModelConfig
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.checkpoints.checkpoints import tidy_checkpoints
from adfast.training.checkpoints.continuation import RECORD, check_continues
from adfast.training.config import checkpoint_name

# Settings that may differ where a training is gone on with; with other `steps` the schedule does.
MAY_CHANGE = frozenset(
    {
        "steps",
        "stop_at",
        "continues",
        "threads",
        "metrics_every",
        "checkpoint_every",
        "evaluate_every",
    }
)


@dataclass
class RL2State:
    """Where a training of RL2 stands."""

    update: int = 0  # updates done
    environment_steps: int = 0
    seconds: float = 0.0
    threads: int = 1  # whoever goes on takes them over: the last bits of a sum depend on them


def describe(
    policy: Policy, config: RL2Config, model: ModelConfig, seed: int, tasks: Mapping[str, Any]
) -> dict[str, Any]:
    """JSON-ready: what the policy is, and what its training is of."""
    counting = what_counts(config, model)
    return {
        POLICY: {**counting, "rl2": config.model_dump(mode="json")},
        "schema": policy.schema.to_dict(),
        RECORD: {**counting, "seed": seed, "tasks": dict(tasks)},
    }


def what_counts(config: RL2Config, model: ModelConfig) -> dict[str, Any]:
    """The settings that a training of RL2 cannot be gone on with by others."""
    counting = {"rl2": config.model_dump(mode="json", exclude=set(MAY_CHANGE))}
    if config.body == "transformer":
        counting["model"] = model.model_dump(mode="json")
    return counting


def changed_settings(path: Path, config: RL2Config, model: ModelConfig) -> list[str]:
    """In which settings that count the training of a checkpoint differs from these.

    Raises `CheckpointError` for one that holds no policy.
    """
    _, metadata = read_tensors(path)
    require_policy(path, metadata)
    trained_as, trained_model, _ = read_settings(metadata, path)
    recorded, asked = what_counts(trained_as, trained_model), what_counts(config, model)
    return list_differences({name: recorded.get(name, {}) for name in asked}, asked)


def read_settings(
    metadata: Mapping[str, Any], path: Path
) -> tuple[RL2Config, ModelConfig, TransitionSchema]:
    """What the policy of a checkpoint is; settings that it does not know of are as they were."""
    try:
        schema = TransitionSchema.from_dict(metadata["schema"])
        body = metadata[POLICY]
        config = RL2Config.from_mapping(body["rl2"], source=str(path))
        return config, read_config(body.get("model", {}), schema, path), schema
    except (KeyError, InvalidArgument) as error:
        raise CheckpointError(
            f"{path}: describes no policy that this adfast knows: {error}"
        ) from None


def save_checkpoint(
    directory: Path,
    policy: Policy,
    optimizer: torch.optim.Adam,
    state: RL2State,
    description: Mapping[str, Any],
) -> Path:
    """Write a checkpoint, drop all but the newest two, and return its path."""
    if not directory.exists():
        directory.mkdir(parents=True)
        sync_folder(directory.parent)
    path = directory / checkpoint_name(state.update)
    tensors = dict(policy.state_dict())
    for name, parameter in policy.named_parameters():
        for slot, value in optimizer.state[parameter].items():
            tensors[f"{OPTIMIZER_PREFIX}{name}/{slot}"] = value
    write_tensors(path, tensors, {"training": asdict(state), **description})
    tidy_checkpoints(directory)
    return path


def load_checkpoint(
    path: Path,
    policy: Policy,
    optimizer: torch.optim.Adam,
    description: Mapping[str, Any],
) -> RL2State:
    """Lay a checkpoint into `policy` and `optimizer`; returns where training stands.

    Raises `CheckpointError` for one of another training than `description` says.
    """
    tensors, metadata = read_tensors(path)
    require_policy(path, metadata)
    check_continues(path, metadata, description)
    require_finite(path, tensors, "delete this one to resume from the one before it")
    memory = {name: tensors.pop(name) for name in list(tensors) if is_optimizer(name)}
    load_weights(policy, tensors, path)
    parameters = dict(policy.named_parameters())
    for name, value in memory.items():
        owner, _, slot = name.removeprefix(OPTIMIZER_PREFIX).rpartition("/")
        optimizer.state[parameters[owner]][slot] = value
    return RL2State(**metadata["training"])


def load_policy(path: Path) -> Policy:
    """The policy of a checkpoint, to act with."""
    tensors, metadata = read_tensors(path)
    require_policy(path, metadata)
    weights = {name: tensor for name, tensor in tensors.items() if not is_optimizer(name)}
    require_finite(path, weights, "use an earlier checkpoint, or train again")
    policy = make_policy(*read_settings(metadata, path), seed=0)
    load_weights(policy, weights, path)
    return policy.eval()


def is_optimizer(name: str) -> bool:
    """Whether a tensor of that name is Adam's."""
    return name.startswith(OPTIMIZER_PREFIX)


def require_policy(path: Path, metadata: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` for a checkpoint of something else than RL2."""
    if POLICY not in metadata:
        raise CheckpointError(
            f"{path}: holds no policy of RL2; give a run of method rl2, or load it with adfast.load"
        )
