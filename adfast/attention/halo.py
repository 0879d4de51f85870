"""Sequences that are cut over processes: the keys and values that each needs of those before it.

Each process of a group has one run of tokens of every sequence, its share. A query sees the
`window - 1` tokens before it, so a share needs as many keys and values of the shares before it: of
the neighbour's last ones, or of several where the window is longer than a share. They are sent, and
their gradients are sent back and added to the owner's, in the order of the processes, so that
results repeat. Queries are never sent. Without a window each share needs all that came before.

The twin is attention over the whole sequence in one process.

Axes: B batch, T tokens of the share, S tokens of the share and its halo, G key heads, D channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast.errors import InvalidArgument


class Piece(NamedTuple):
    """A run of tokens, by their numbers in the sequence, of which one process sends another."""

    process: int  # in the group: who has them, or who needs them
    first: int
    last: int  # behind the last one


@dataclass(frozen=True)
class ContextShare:
    """Which tokens of each sequence this process has: process r of `group` has `cuts[r:r + 2]`."""

    group: dist.ProcessGroup
    cuts: tuple[int, ...]

    @classmethod
    def of(cls, group: dist.ProcessGroup, length: int) -> Self:
        """The share of this process where `length` tokens are cut as evenly as they can be.

        Raises `InvalidArgument` where there are fewer tokens than processes.
        """
        size = group.size()
        if length < size:
            raise InvalidArgument(
                f"a context must have a token for each of the processes that it is cut over, got "
                f"{length} for {size}; use fewer processes (training.context_ranks)"
            )
        return cls(group, tuple(length * rank // size for rank in range(size + 1)))

    def times(self, tokens: int) -> ContextShare:
        """The same share where each place is so many tokens."""
        return ContextShare(self.group, tuple(cut * tokens for cut in self.cuts))

    @property
    def first(self) -> int:
        """The number of the first token of this share."""
        return self.cuts[self.group.rank()]

    @property
    def last(self) -> int:
        """The number behind its last token."""
        return self.cuts[self.group.rank() + 1]

    @property
    def part(self) -> float:
        """How much of the sequence it is."""
        return (self.last - self.first) / self.cuts[-1]

    def first_key(self, window: int | None, process: int | None = None) -> int:
        """The first token whose key a share's first query sees; by default of this share."""
        first = self.cuts[self.group.rank() if process is None else process]
        return 0 if window is None else max(0, first - window + 1)

    def halo(self, process: int, window: int | None) -> list[Piece]:
        """The tokens before the share of `process` that it needs, by who has them."""
        begin = self.first_key(window, process)
        return [
            Piece(owner, max(begin, self.cuts[owner]), self.cuts[owner + 1])
            for owner in range(process)
            if self.cuts[owner + 1] > begin
        ]

    def needed(self, window: int | None) -> list[Piece]:
        """The tokens of this share that later ones need, by who needs them."""
        own = self.group.rank()
        return [
            Piece(process, piece.first, piece.last)
            for process in range(own + 1, self.group.size())
            for piece in self.halo(process, window)
            if piece.process == own
        ]


def with_halo(
    k_BTGD: Tensor, v_BTGD: Tensor, share: ContextShare, window: int | None
) -> tuple[Tensor, Tensor]:
    """Keys and values `[B, S, G, D]` of the share, behind those of the tokens before that it sees.

    All processes of the group must call it, and differentiate it, in the same order. Token number
    `share.first_key(window)` is the first.
    """
    keys, values = HaloExchange.apply(k_BTGD, v_BTGD, share, window)
    return keys, values


def in_halo(document_start: Tensor, share: ContextShare, window: int | None) -> Tensor:
    """Beginnings of documents `[B, T]` by the numbers of keys of the share and its halo.

    `document_start` has those by their number in the sequence, of this share's tokens.
    """
    return (document_start - share.first_key(window)).clamp(min=0)


class HaloExchange(torch.autograd.Function):
    """`with_halo`, whose gradient goes to who has the tokens."""

    @staticmethod
    def forward(
        ctx: Any, k: Tensor, v: Tensor, share: ContextShare, window: int | None
    ) -> tuple[Tensor, Tensor]:
        """Both side by side in memory: one message takes them."""
        ctx.share, ctx.window, ctx.num_heads = share, window, k.shape[2]
        begin = share.first_key(window)
        batch, length, num_heads, channels = k.shape
        whole = k.new_empty(batch, share.first - begin + length, 2 * num_heads, channels)
        own = whole[:, share.first - begin :]
        own[:, :, :num_heads], own[:, :, num_heads:] = k, v
        sent = [
            (process, own[:, first - share.first : last - share.first].contiguous())
            for process, first, last in share.needed(window)
        ]
        received = [
            (owner, whole.new_empty(batch, last - first, *whole.shape[2:]), first - begin)
            for owner, first, last in share.halo(share.group.rank(), window)
        ]
        exchange(share.group, sent, [(owner, memory) for owner, memory, _ in received])
        for _, memory, at in received:
            whole[:, at : at + memory.shape[1]] = memory
        return whole[:, :, :num_heads], whole[:, :, num_heads:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_k: Tensor, d_v: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the share's own keys and values, with those of who else saw them."""
        share, window, num_heads = ctx.share, ctx.window, ctx.num_heads
        begin = share.first_key(window)
        sent = []
        for owner, first, last in share.halo(share.group.rank(), window):
            tokens = slice(first - begin, last - begin)
            sent.append((owner, torch.cat((d_k[:, tokens], d_v[:, tokens]), dim=2)))
        d_own = torch.cat((d_k[:, share.first - begin :], d_v[:, share.first - begin :]), dim=2)
        received = [
            (process, d_own.new_empty(len(d_own), last - first, *d_own.shape[2:]), first)
            for process, first, last in share.needed(window)
        ]
        exchange(share.group, sent, [(process, memory) for process, memory, _ in received])
        for _, memory, first in received:
            at = first - share.first
            d_own[:, at : at + memory.shape[1]] += memory
        return d_own[:, :, :num_heads], d_own[:, :, num_heads:], None, None


def exchange(
    group: dist.ProcessGroup,
    sent: Iterable[tuple[int, Tensor]],
    received: Iterable[tuple[int, Tensor]],
) -> None:
    """Send contiguous tensors to processes of `group` while others' are written to `received`."""
    operations = [
        dist.P2POp(operation, tensor, group=group, group_peer=process)
        for operation, messages in ((dist.isend, sent), (dist.irecv, received))
        for process, tensor in messages
    ]
    for request in dist.batch_isend_irecv(operations) if operations else ():
        request.wait()
