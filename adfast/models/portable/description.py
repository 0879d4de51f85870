"""What a model is in files that need no adfast: its weights, and the config of `plain_model`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from adfast.errors import InvalidArgument
from adfast.models.embedding.picture_encoders import PictureEncoder, PixelEncoder
from adfast.models.portable.plain_model import FORMAT, VERSION
from adfast.models.transformer import Transformer

# Settings of the model that `plain_model` asks for; the others act in training alone.
ASKED = (
    "num_layers", "width", "num_heads", "feed_forward_width", "layout", "reads_rewards",
    "reads_return", "context", "norm", "position_encoding", "rope_base", "num_learned_positions",
    "qk_norm", "max_logit",
)  # fmt: skip
TRAINING_ONLY = ("blank_token",)


def plain_config(model: Transformer) -> dict[str, Any]:
    """The content of `config.json`; raises `InvalidArgument` for what the plain model has not."""
    require_plain(model)
    config, schema = model.config, model.schema
    settings = config.model_dump(mode="json")
    return {
        "format": FORMAT,
        "version": VERSION,
        **{name: settings[name] for name in ASKED},
        "num_kv_heads": config.resolved_num_kv_heads,
        "layer_windows": list(config.layer_windows),
        "num_actions": schema.num_actions,
        "episode_length": schema.episode_length,
        "reward_dtype": schema.reward_dtype,
        "observation": plain_observation(model),
    }


def plain_observation(model: Transformer) -> dict[str, Any]:
    """What is observed, and by which encoder it is seen."""
    observation, encoder = model.schema.observation, model.embedding.encoder
    sizes = list(encoder.row_sizes(observation))
    if sizes:
        return {"kind": observation.kind, "encoder": "rows", "sizes": sizes}
    if isinstance(encoder, PictureEncoder):
        name = "projection" if isinstance(encoder, PixelEncoder) else model.config.picture_encoder
        return {"kind": observation.kind, "encoder": name, "shape": list(encoder.picture)}
    shape = list(observation.read.shape)
    return {"kind": observation.kind, "encoder": "numbers", "shape": shape}


def plain_weights(model: Transformer) -> dict[str, Tensor]:
    """The tensors of `model.safetensors`, float32: all that acting needs, and nothing else."""
    return {
        name: tensor.detach().cpu().float().contiguous().clone()
        for name, tensor in model.state_dict().items()
        if name not in TRAINING_ONLY
    }


def require_plain(model: Transformer) -> None:
    """Raise `InvalidArgument` for a model that `plain_model` does not define."""
    if model.config.frame_stack > 1:
        raise InvalidArgument(
            f"model.frame_stack must be 1 to export a model, got {model.config.frame_stack}: "
            "stacks are put together by whoever acts; act by adfast.load, or train a model without"
        )
