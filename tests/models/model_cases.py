"""Models and random histories for the tests of models."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from adfast.models.config import ModelConfig
from adfast.models.embedding.step_input import StepInput, step_inputs
from adfast.models.ring_kv_cache import RingKVCache
from adfast.models.transformer import Transformer
from adfast.tasks.observation import DiscreteObservation, RealObservation
from adfast.tasks.transition_schema import TransitionSchema

SCHEMA = TransitionSchema(DiscreteObservation((9, 7)), num_actions=5, episode_length=6)
FLOAT_REWARD_SCHEMA = TransitionSchema(DiscreteObservation((300,)), 3, 6, reward_dtype="float32")
REAL_SCHEMA = TransitionSchema(RealObservation("float64", (2, 3)), 3, 6, "float32")


def small_model(schema: TransitionSchema = SCHEMA, seed: int = 0, **settings: Any) -> Transformer:
    """A model of width 16 none of whose matrices is zero, so that every path shows."""
    config = ModelConfig(**{"width": 16, "feed_forward_width": 32, **settings})
    model = Transformer(config, schema, seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    return model


def random_histories(
    num_histories: int, length: int, schema: TransitionSchema = SCHEMA, seed: int = 0
) -> dict[str, Tensor]:
    """Rows `[B, T, ...]` in the schema's dtypes; episodes end at the schema's length."""
    generator = torch.Generator().manual_seed(seed)
    shape = (num_histories, length)
    observation_dtype = torch.from_numpy(schema.allocate(1)["observation"]).dtype
    step_dtype = torch.from_numpy(schema.allocate(1)["episode_step"]).dtype

    def integers(high: int) -> Tensor:
        return torch.randint(high, shape, generator=generator)

    def observation() -> Tensor:
        stored = schema.observation.stored
        if stored.sizes is None:
            return torch.randn(shape + stored.shape, generator=generator).to(observation_dtype)
        components = [integers(size) for size in stored.sizes]
        return torch.stack(components, dim=-1).to(observation_dtype)

    rewards = integers(2).to(torch.uint8)
    if schema.reward_dtype == "int8":
        rewards = (integers(256) - 128).to(torch.int8)
    if schema.reward_dtype == "float32":
        rewards = torch.randn(shape, generator=generator)
    return {
        "observation": observation(),
        "action": integers(schema.num_actions).to(torch.uint8),
        "reward": rewards,
        "next_observation": observation(),
        "episode_step": (torch.arange(length) % schema.episode_length).expand(shape).to(step_dtype),
    }


def input_at(
    batch: dict[str, Tensor], t: int, cache: RingKVCache, *, is_set: bool = False
) -> StepInput:
    """What the environments of `batch` show a model at their step t."""
    inputs = step_inputs(batch, is_set=is_set)
    before = inputs.previous_observation
    return StepInput(
        observation=inputs.observation[:, t],
        previous_action=inputs.previous_action[:, t],
        previous_reward=inputs.previous_reward[:, t],
        previous_final_observation=inputs.previous_final_observation[:, t],
        episode_step=inputs.episode_step[:, t],
        is_first=cache.is_first,
        previous_observation=None if before is None else before[:, t],
        return_to_go=None if inputs.return_to_go is None else inputs.return_to_go[:, t],
    )


def with_returns(batch: dict[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """`batch` with returns to go, any numbers."""
    generator = torch.Generator().manual_seed(seed)
    return {**batch, "return_to_go": 3 * torch.randn(batch["action"].shape, generator=generator)}


def stream(
    model: Transformer, batch: dict[str, Tensor], cache_dtype: torch.dtype | None = None
) -> Tensor:
    """Logits `[B, T, A]` by one step after the other."""
    num_histories, length = batch["action"].shape
    cache, is_set = model.new_cache(num_histories, cache_dtype), model.config.context == "set"
    steps = (input_at(batch, t, cache, is_set=is_set) for t in range(length))
    return torch.stack([model.step(inputs, cache) for inputs in steps], dim=1)
