"""Actions from logits on a device: the same draws as `action_sampling`, in torch operations.

A CUDA graph can hold them, so an evaluation step need not fetch logits. On CUDA they are one kernel
(`sampling_kernel`), of which these operations are the definition. Integers of 32 bits are kept in
int64, which torch can multiply and shift. Keys are equal bit for bit; probabilities, in float64, to
the last place of the device's exponential.

Axes: N environments, A actions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from adfast.random_streams import GOLDEN_32

WORD = 0xFFFFFFFF


def sample_actions(
    logits_NA: Tensor, temperature: float, offset: Tensor, mask: Tensor, step: Tensor
) -> Tensor:
    """int64 `[N]`: one action per environment; temperature 0 takes the first greatest logit.

    `(offset, mask)` are stream keys and `step` counts each stream's draws, all int64 `[N]`.
    """
    if logits_NA.is_cuda:
        from adfast.evaluation.sampling import sampling_kernel  # late: not every machine has Triton

        return sampling_kernel.sample_actions(logits_NA, temperature, offset, mask, step)
    logits_NA = logits_NA.double()
    if temperature == 0.0:
        return logits_NA.argmax(-1)
    greatest = logits_NA.amax(-1, keepdim=True)
    cumulative_NA = ((logits_NA - greatest) / temperature).exp().cumsum(-1)
    uniform = (step_keys(offset, mask, step) >> 8).double() * 2.0**-24
    is_reached = uniform[:, None] * cumulative_NA[:, -1:] < cumulative_NA
    return is_reached.byte().argmax(-1)


def step_keys(offset: Tensor, mask: Tensor, step: Tensor) -> Tensor:
    """The keys `random_draws.step_key` of uint32 words in int64 `[N]`."""
    return mix32(((step + offset & WORD) * GOLDEN_32 & WORD) ^ mask)


def mix32(word: Tensor) -> Tensor:
    """`random_draws.mix32` of uint32 words in int64; products wrap beyond the bits that count."""
    word = word ^ word >> 16
    word = word * 0x7FEB352D & WORD
    word = word ^ word >> 15
    word = word * 0x846CA68B & WORD
    return word ^ word >> 16


def words_to(device: torch.device, words: np.ndarray) -> Tensor:
    """uint32 words as int64 on `device`."""
    return torch.from_numpy(words.astype(np.int64)).to(device)
