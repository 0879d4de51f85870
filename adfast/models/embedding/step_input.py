"""StepInput: what a model reads before it acts, from whatever holds transitions.

A batch of sampled windows, whole histories in a probe, and the state of an agent all become one
here, as they are kept: the embedding alone turns their numbers into tokens.

Axes: B batch, T transitions, C observation components, N environments; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

# Of the fields of a transition, those that a model reads.
READ_FIELDS = ("observation", "action", "reward", "next_observation", "episode_step")


def can_examine(values: Tensor) -> bool:
    """Whether `values` can be looked at for free: not on a device, which would have to be waited
    for, and not in a graph that is being compiled.
    """
    return values.device.type == "cpu" and not torch.compiler.is_compiling()


@dataclass(frozen=True)
class StepInput:
    """What a model sees before it acts. The previous_* entries are ignored where `is_first`.

    `observation` and `previous_final_observation` are `[..., *shape]` in what a row stores or an
    agent reads (`ObservationSpec`); the others are `[...]`.
    `previous_final_observation` counts only where `episode_step` is 0; `is_first` (bool) marks the
    first transition of a history or of a sampled window, which has no past. What `is_checked` is
    known to be in the model's schema, and is not examined again.

    Models whose context is a set are given the `previous_observation` too, on which the previous
    action was taken; of them `previous_final_observation` is that of the previous transition,
    whether its episode ended there or not, and counts everywhere.

    Models that read returns are given `return_to_go`, float32: what the episode earns from this
    action on, or is to earn.

    Models that see stacks of pictures are given `frames` `[N, k, H, W, C]` where they act, the
    newest last; in windows they find these themselves (`frame_stack.py`).
    """

    observation: Tensor
    previous_action: Tensor
    previous_reward: Tensor
    previous_final_observation: Tensor
    episode_step: Tensor
    is_first: Tensor
    is_checked: bool = False
    previous_observation: Tensor | None = None
    return_to_go: Tensor | None = None
    frames: Tensor | None = None

    @property
    def shows_final(self) -> Tensor:
        """bool `[...]`: where the token shows how the episode, or the step, before it ended."""
        if self.previous_observation is not None:
            return ~self.is_first
        return (self.episode_step.long() == 0) & ~self.is_first

    def between(self, first: int, last: int) -> StepInput:
        """Of inputs `[B, T]` those of the transitions first .. last - 1."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        cut = {name: x[:, first:last] for name, x in values.items() if isinstance(x, Tensor)}
        return StepInput(**values | cut)


def as_batch(
    fields: Mapping[str, np.ndarray], device: torch.device | None = None
) -> dict[str, Tensor]:
    """Stored fields `[B, T, *item]` (others than a model reads too) as what models take.

    On the processor they share memory with `fields` where these are contiguous.
    """
    return {
        name: torch.from_numpy(np.ascontiguousarray(values)).to(device=device)
        for name, values in fields.items()
    }


def step_inputs(batch: Mapping[str, Tensor], *, is_set: bool = False) -> StepInput:
    """The inputs `[B, T]` of windows or histories: what is past in a row is shifted by one.

    With `is_set` they are whole transitions, for models whose context is a set.

    `batch` holds `READ_FIELDS`, each `[B, T, ...]`, for models that read returns `return_to_go`
    too, and for packed histories `document_start` int32 `[B, T]`.
    """
    observation_BTC = batch["observation"]
    time = torch.arange(observation_BTC.shape[1], device=observation_BTC.device)
    start = batch.get("document_start")
    is_first = (time == 0).expand(observation_BTC.shape[:2]) if start is None else start == time
    return StepInput(
        observation=observation_BTC,
        previous_action=shift(batch["action"]),
        previous_reward=shift(batch["reward"]),
        previous_final_observation=shift(batch["next_observation"]),
        episode_step=batch["episode_step"],
        is_first=is_first,
        previous_observation=shift(observation_BTC) if is_set else None,
        return_to_go=batch.get("return_to_go"),
    )


def shift(values: Tensor) -> Tensor:
    """`values [B, T, ...]` one place later in time; the first place repeats its own value."""
    return torch.cat((values[:, :1], values[:, :-1]), dim=1)
