"""Stacks of the last k pictures of an episode: put together when they are read, never stored.

Where an episode has fewer yet, its first picture stands for those before. A window or a document
that begins within an episode shows nothing of what was before it, as of actions and rewards; an
agent begins with an episode, so it sees what training showed. A final observation, which is read
after its episode, is a stack of itself. Twin: `tests/reference/frame_stack.py`.

Axes: B batch, T transitions, N environments, k pictures of a stack.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.models.embedding.step_input import StepInput


def frame_numbers(inputs: StepInput, size: int) -> Tensor:
    """int64 `[B, T, k]`: of windows, which of all B x T pictures are in the stack of each."""
    num_rows, length = inputs.is_first.shape
    time = torch.arange(length, device=inputs.is_first.device)
    first = time.where(inputs.is_first, 0).cummax(dim=1).values
    age = torch.minimum(inputs.episode_step.long(), time - first)
    back = torch.arange(size - 1, -1, -1, device=time.device)
    row = torch.arange(num_rows, device=time.device)[:, None, None] * length
    return row + (time[:, None] - torch.minimum(age[..., None], back))


class FrameStack:
    """The last k pictures of N environments that are acted in, `[N, k, H, W, C]`, newest last."""

    def __init__(
        self, num_environments: int, size: int, picture: tuple[int, int, int], device: torch.device
    ) -> None:
        shape = (num_environments, size, *picture)
        self.frames = torch.zeros(shape, dtype=torch.uint8, device=device)

    def show(self, pictures: Tensor, inputs: StepInput, active: Tensor | None) -> Tensor:
        """The stacks with `pictures` `[N, H, W, C]`; they stay in the environments of `active`."""
        newest = pictures.to(torch.uint8)[:, None]
        begins = (inputs.episode_step == 0) | inputs.is_first
        before = newest.where(begins.view(-1, 1, 1, 1, 1), self.frames[:, 1:])
        shown = torch.cat((before, newest), dim=1)
        kept = shown if active is None else shown.where(active.view(-1, 1, 1, 1, 1), self.frames)
        self.frames.copy_(kept)
        return shown


def side_by_side(frames: Tensor) -> Tensor:
    """`[N, H, W, k * C]` of stacks `[N, k, H, W, C]`: as pictures of more colours."""
    return frames.permute(0, 2, 3, 1, 4).flatten(3)
