"""`device_sampling.sample_actions` as one kernel: some forty short ones are a tenth of a step.

Axes: N environments, A actions.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from adfast.random_streams import GOLDEN_32

MULTIPLIER = tl.constexpr(GOLDEN_32)
WORD = tl.constexpr(0xFFFFFFFF)
PER_UNIT = tl.constexpr(2.0**-24)
NUMBERS_PER_PROGRAM = 256  # logits


@triton.jit(do_not_specialize=["num_environments"])
def draw_actions(
    logits,  # [N, A], contiguous
    offset,  # int64 [N]: uint32 words, as `mask`
    mask,
    step,  # int64 [N]
    temperature,  # float64 []; a kernel's own numbers have 32 bits
    actions,  # int64 [N], written
    num_environments,
    num_actions,
    BLOCK_N: tl.constexpr,  # environments of a program
    BLOCK_A: tl.constexpr,  # A or more
    GREEDY: tl.constexpr,
):
    """Write one action for each of BLOCK_N environments."""
    environment = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    is_environment = environment < num_environments
    action = tl.arange(0, BLOCK_A)
    is_number = is_environment[:, None] & (action < num_actions)[None, :]
    number = environment.to(tl.int64)[:, None] * num_actions + action[None, :]
    logit = tl.load(logits + number, mask=is_number, other=float("-inf")).to(tl.float64)
    if GREEDY:
        chosen = tl.argmax(logit, 1, tie_break_left=True)
    else:
        greatest = tl.where(is_environment, tl.max(logit, 1), 0.0)
        weight = tl.exp((logit - greatest[:, None]) / tl.load(temperature))
        cumulative = tl.cumsum(tl.where(is_number, weight, 0.0), 1)
        total = tl.max(cumulative, 1)
        word = tl.load(step + environment, mask=is_environment, other=0)
        word = (word + tl.load(offset + environment, mask=is_environment, other=0)) & WORD
        word = (word * MULTIPLIER) & WORD
        word = word ^ tl.load(mask + environment, mask=is_environment, other=0)
        word = word ^ (word >> 16)
        word = (word * 0x7FEB352D) & WORD
        word = word ^ (word >> 15)
        word = (word * 0x846CA68B) & WORD
        word = word ^ (word >> 16)
        threshold = (word >> 8).to(tl.float64) * PER_UNIT * total
        is_reached = threshold[:, None] < cumulative
        chosen = tl.argmax(is_reached.to(tl.int32), 1, tie_break_left=True)
    tl.store(actions + environment, chosen.to(tl.int64), mask=is_environment)


def sample_actions(
    logits: Tensor, temperature: float, offset: Tensor, mask: Tensor, step: Tensor
) -> Tensor:
    """As `device_sampling.sample_actions`."""
    num_environments, num_actions = logits.shape
    actions = torch.empty_like(step)
    block_a = triton.next_power_of_2(num_actions)
    block_n = max(1, NUMBERS_PER_PROGRAM // block_a)
    with torch.cuda.device_of(logits):  # kernels start on the current device
        draw_actions[(triton.cdiv(num_environments, block_n),)](
            logits.contiguous(),
            offset,
            mask,
            step,
            logits.new_full((), temperature, dtype=torch.float64),
            actions,
            num_environments,
            num_actions,
            BLOCK_N=block_n,
            BLOCK_A=block_a,
            GREEDY=temperature == 0.0,
            num_warps=2,
        )
    return actions
