"""The plain model as programs of `torch.export`, which need neither adfast nor a definition.

Two: `forward` of windows of any number and length, and `step` of any number of environments, whose
cache is an input and an output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from adfast.errors import InvalidArgument
from adfast.models.portable.plain_model import Model

EXAMPLES, LENGTH = 3, 5  # of what programs are traced with
STEP_DTYPE = torch.int64  # of all that is counted


class Step(nn.Module):
    """A model's step as the forward pass of a module."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, Tensor], cache: list[Tensor]) -> Any:
        """Logits and the cache after it."""
        return self.model.step(cache=cache, **inputs)


class Windows(nn.Module):
    """A model's forward pass, of a dict."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, Tensor]) -> Any:
        """Logits."""
        return self.model(**inputs)


def forward_program(model: Model) -> ExportedProgram:
    """`forward({"observation": [B, T, ...], ...}) -> [B, T, A]`; any B, any T from 2 on."""
    examples = window_inputs(model.config, (EXAMPLES, LENGTH))
    axes = {0: Dim("batch", min=1), 1: Dim("length", min=2)}
    return exported(Windows(model), (examples,), (dict.fromkeys(examples, axes),))


def step_program(model: Model, longest_history: int | None = None) -> ExportedProgram:
    """`step({"observation": [N, ...], ...}, cache) -> ([N, A], cache)`, N as it comes.

    Raises `InvalidArgument` where a layer sees the whole history and nobody says how long that is.
    """
    if longest_history is None and None in model.windows:
        raise InvalidArgument(
            "model.attention_window is none for a layer, whose cache would grow without end in an "
            "exported step, and longest_history is not given; say how many transitions the "
            "longest history has (--longest-history)"
        )
    cache = model.new_cache(EXAMPLES, longest_history)
    examples = step_inputs(model.config, EXAMPLES)
    axes = {0: Dim("environments", min=1)}
    shapes = (dict.fromkeys(examples, axes), [axes] * len(cache))
    return exported(Step(model), (examples, cache), shapes)


def exported(module: nn.Module, examples: tuple[Any, ...], shapes: Any) -> ExportedProgram:
    """The program of a module in evaluation, for sizes of one too."""
    from torch.fx.experimental import _config as tracing

    sizes_of_one: Any = tracing.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]
    with torch.no_grad(), sizes_of_one:
        return torch.export.export(module.eval(), examples, dynamic_shapes=shapes)


def window_inputs(config: dict[str, Any], leading: tuple[int, ...]) -> dict[str, Tensor]:
    """Zeros of what `Model.forward` takes of windows `[B, T]`."""
    inputs = {
        "observation": observation_zeros(config, leading),
        "action": torch.zeros(leading, dtype=STEP_DTYPE),
        "reward": reward_zeros(config, leading),
        "next_observation": observation_zeros(config, leading),
        "episode_step": torch.zeros(leading, dtype=STEP_DTYPE),
    }
    if config["reads_return"]:
        inputs["return_to_go"] = torch.zeros(leading)
    return inputs


def step_inputs(config: dict[str, Any], num_environments: int) -> dict[str, Tensor]:
    """Zeros of what `Model.step` takes of N environments, all of which begin."""
    leading = (num_environments,)
    inputs = {
        "observation": observation_zeros(config, leading),
        "previous_action": torch.zeros(leading, dtype=STEP_DTYPE),
        "previous_reward": reward_zeros(config, leading),
        "previous_final_observation": observation_zeros(config, leading),
        "episode_step": torch.zeros(leading, dtype=STEP_DTYPE),
        "is_first": torch.ones(leading, dtype=torch.bool),
    }
    if config["context"] == "set":
        inputs["previous_observation"] = observation_zeros(config, leading)
    if config["reads_return"]:
        inputs["return_to_go"] = torch.zeros(leading)
    return inputs


def observation_zeros(config: dict[str, Any], leading: tuple[int, ...]) -> Tensor:
    """Observations: int64 that are counted, float32 else."""
    observation = config["observation"]
    if "sizes" in observation:
        return torch.zeros((*leading, len(observation["sizes"])), dtype=STEP_DTYPE)
    return torch.zeros((*leading, *observation["shape"]))


def reward_zeros(config: dict[str, Any], leading: tuple[int, ...]) -> Tensor:
    """Rewards: int64 that are counted, float32 else."""
    is_counted = config["reward_dtype"] in ("uint8", "int8")
    return torch.zeros(leading, dtype=STEP_DTYPE if is_counted else torch.float32)
