"""Model files: named tensors and JSON metadata in one safetensors file, written atomically.

A file is complete or absent (`adfast.durable`). A checksum finds damage when it is read. Nothing is
pickled.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from adfast.durable import replace_file
from adfast.errors import CheckpointError, InvalidArgument
from adfast.models.config import ModelConfig
from adfast.tasks.transition_schema import TransitionSchema

if TYPE_CHECKING:
    from torch import nn

    from adfast.models.transformer import Transformer

FORMAT_VERSION = 1
OPTIMIZER_PREFIX = "optimizer."  # of tensors that a training checkpoint keeps beside the weights
POLICY = "policy"  # what checkpoints of RL2 describe in a model's place
DOCUMENT = "adfast"  # names of the JSON document and of the checksum, among the file's own
CHECKSUM = "crc32"  # string pairs
# What a description that does not know of the setting means by it where pictures are observed.
FIRST_PICTURE_SETTINGS = {"picture_encoder": "projection"}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write `tensors` and the JSON-ready `metadata` to `path`, replacing what was there at once.

    Raises `WriteError`.
    """
    # Clones, because safetensors refuses tensors that share memory.
    owned = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    document = json.dumps({**metadata, "format_version": FORMAT_VERSION})
    strings = {DOCUMENT: document, CHECKSUM: checksum(owned, document)}
    replace_file(path, [save(owned, metadata=strings)])


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the metadata of `path`.

    Raises `CheckpointError` for a file that is missing, damaged, foreign or of a newer format.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; train first, or give another path")
    try:
        content = path.read_bytes()  # safetensors itself opens names in UTF-8 alone
        tensors = load(content)
    except (SafetensorError, KeyError) as error:  # the latter for a dtype that torch lacks
        raise CheckpointError(
            f"{path}: damaged or no safetensors file ({error}); use an older checkpoint"
        ) from None
    strings = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get(
        "__metadata__", {}
    )
    if DOCUMENT not in strings or CHECKSUM not in strings:
        raise CheckpointError(f"{path}: not written by adfast; give a checkpoint of a run")
    if strings[CHECKSUM] != checksum(tensors, strings[DOCUMENT]):
        raise CheckpointError(
            f"{path}: its contents do not match their checksum; use an older checkpoint"
        )
    try:
        metadata = json.loads(strings[DOCUMENT])
        version = int(metadata.pop("format_version"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: its description is not one that adfast writes ({error!r}); give a "
            "checkpoint of a run"
        ) from None
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format {version} is newer than {FORMAT_VERSION}, which this adfast reads; "
            "update adfast"
        )
    return tensors, metadata


def checksum(tensors: Mapping[str, Tensor], document: str) -> str:
    """CRC-32 of the document and of all tensors: their names, dtypes, shapes and bytes."""
    crc = zlib.crc32(document.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        crc = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, crc)
    return f"{crc:08x}"


def describe_model(model: Transformer) -> dict[str, Any]:
    """JSON-ready metadata that says which model this is; `build_model` makes it again."""
    return {"model": model.config.model_dump(mode="json"), "schema": model.schema.to_dict()}


def build_model(description: Mapping[str, Any], path: Path) -> Transformer:
    """The model that `describe_model` described, with fresh weights; `path` is for messages."""
    from adfast.models.transformer import Transformer

    if POLICY in description:
        raise CheckpointError(
            f'{path}: holds a policy of RL2, no model of AD; the agent "rl2" acts by it, which '
            "adfast.baselines.rl2.agent.RL2Agent is"
        )
    try:
        schema = TransitionSchema.from_dict(description["schema"])
        config = read_config(description["model"], schema, path)
    except (KeyError, InvalidArgument) as error:
        raise CheckpointError(
            f"{path}: describes no model that this adfast knows: {error}"
        ) from None
    return Transformer(config, schema, seed=0)


def read_config(settings: Mapping[str, Any], schema: TransitionSchema, path: Path) -> ModelConfig:
    """The settings that a file describes a model by; raises `InvalidArgument` for what is none.

    Those that it does not know of are as they were before there were others.
    """
    first = FIRST_PICTURE_SETTINGS if schema.observation.picture is not None else {}
    return ModelConfig.from_mapping(first | dict(settings), source=str(path))


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy `tensors` into `model`; `path` is for messages.

    Raises `CheckpointError` that names the first tensor that is missing, superfluous or of another
    shape.
    """
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in tensors:
            raise mismatch(path, f"tensor {name} {tuple(tensor.shape)} is missing")
        found = tensors[name]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise mismatch(
                path,
                f"tensor {name} must be {tensor.dtype} {tuple(tensor.shape)}, "
                f"found {found.dtype} {tuple(found.shape)}",
            )
    for name in tensors:
        if name not in expected:
            raise mismatch(path, f"tensor {name} is not part of this model")
    model.load_state_dict(dict(tensors))


def require_finite(path: Path, tensors: Mapping[str, Tensor], way_out: str) -> None:
    """Raise `CheckpointError` for the first of the `tensors` of `path` with NaN or infinity."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite; {way_out}")


def mismatch(path: Path, problem: str) -> CheckpointError:
    """The error for weights of another model, with the way out."""
    return CheckpointError(
        f"{path}: a checkpoint of another model: {problem}; "
        "build the model with the configuration and schema that the checkpoint was trained with"
    )


def save_model(path: Path, model: Transformer) -> None:
    """Write the weights of `model` with its configuration and schema."""
    write_tensors(path, model.state_dict(), describe_model(model))


def load_model(path: Path) -> Transformer:
    """The model that `save_model` or a training wrote, in evaluation mode."""
    tensors, metadata = read_tensors(path)
    model = build_model(metadata, path)
    weights = {
        name: tensor for name, tensor in tensors.items() if not name.startswith(OPTIMIZER_PREFIX)
    }
    require_finite(path, weights, "use an earlier checkpoint, or train again")
    load_weights(model, weights, path)
    return model.eval()
