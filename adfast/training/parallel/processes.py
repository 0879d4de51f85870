"""Processes: who trains together, what is theirs of a batch, and what they agree on.

torchrun starts them and tells each its place; torch's process groups carry what they say. Flags and
sentences go by processors (gloo) and wait for no device. Which windows an update sees does not
depend on how many processes there are: each takes rows of one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from adfast.errors import AdfastError, InvalidArgument
from adfast.machine.launch import launched_together

T = TypeVar("T")

LOST = ("gloo", "NCCL", "TCPStore", "Connection closed", "Connection reset", "Broken pipe")


class OtherProcessEnded(AdfastError):
    """Another process of this training failed or was ended, so that this one cannot go on."""


@dataclass(frozen=True)
class Processes:
    """The processes of one training, of which this one is number `rank` of `size`.

    `local_rank` and `local_size` are the same among those of this machine. Whatever is said to be
    done by all must be: a process that leaves it out lets the others wait.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_alone(self) -> bool:
        """Whether there is no other."""
        return self.size == 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files and speaks."""
        return self.rank == 0

    def rows(self, batch_size: int, context_ranks: int = 1) -> range:
        """The rows of a batch that are this process's; the shares differ by one at most.

        So many processes that follow one another have the same rows as there are `context_ranks`.
        Raises `InvalidArgument` where there are not enough rows for all, or processes for these.
        """
        if self.size % context_ranks:
            raise InvalidArgument(
                f"training.context_ranks must divide the number of processes ({self.size}), got "
                f"{context_ranks}; start a multiple of it (torchrun --nproc-per-node), or set it "
                "to 1"
            )
        groups, group = self.size // context_ranks, self.rank // context_ranks
        if batch_size < groups:
            raise InvalidArgument(
                f"training.batch_size must be at least {groups}, the processes that share a "
                f"batch, got {batch_size}; start fewer (torchrun --nproc-per-node), or train on "
                "larger batches"
            )
        return range(batch_size * group // groups, batch_size * (group + 1) // groups)

    def context_group(self, context_ranks: int) -> dist.ProcessGroup | None:
        """Those that have the same rows as this one, each with a run of them; asked by all.

        None where each process has whole contexts.
        """
        if context_ranks == 1:
            return None
        firsts = range(0, self.size, context_ranks)
        groups = [dist.new_group(list(range(first, first + context_ranks))) for first in firsts]
        own: dist.ProcessGroup = groups[self.rank // context_ranks]
        return own

    def sum(self, values: Tensor) -> Tensor:
        """`values` added up over all processes, in place; the same bits in each."""
        if not self.is_alone:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process; asked by all."""
        return flag if self.is_alone else bool(self.sum(torch.tensor(int(flag))))

    def first(self, work: Callable[[], T]) -> T:
        """What `work` came to in the first process, for all; the others wait for it.

        Where it fails the first raises what it met, and the others `OtherProcessEnded`.
        """
        if self.is_alone:
            return work()
        told: list[Any] = [False, None]
        if not self.is_first:
            dist.broadcast_object_list(told, device=torch.device("cpu"))
            if not told[0]:
                raise OtherProcessEnded("stopped, as the first process did; it says why")
            result: T = told[1]
            return result
        try:
            told = [True, work()]
        finally:
            dist.broadcast_object_list(told, device=torch.device("cpu"))
        return told[1]  # type: ignore[no-any-return]

    @contextmanager
    def noticing_ends(self) -> Iterator[None]:
        """Turns what torch raises when another process is gone into `OtherProcessEnded`."""
        try:
            yield
        except RuntimeError as error:
            is_lost = isinstance(error, dist.DistError) or any(w in str(error) for w in LOST)
            if self.is_alone or not is_lost:
                raise
            raise OtherProcessEnded(
                f"process {self.rank} of {self.size} stopped: another one has failed or was ended "
                "(its own message says why); what was saved is kept, and the same command, with "
                "--resume, goes on from there"
            ) from error


ALONE = Processes()


@contextmanager
def together() -> Iterator[Processes]:
    """The processes that this one trains with: those that torchrun started, or itself alone.

    A process group that is there already is used and left; otherwise one is made and ended. Each
    process has the card of its place on its machine.
    """
    launch = launched_together()
    if dist.is_initialized() and dist.get_world_size() > 1:
        rank, size = dist.get_rank(), dist.get_world_size()
        local = (launch.local_rank, launch.local_size) if launch else (rank, size)
        yield Processes(rank, size, *local)
        return
    if launch is None:
        yield ALONE
        return
    has_cards = torch.cuda.is_available() and dist.is_nccl_available()
    if has_cards and launch.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(launch.local_rank)
    dist.init_process_group("cpu:gloo,cuda:nccl" if has_cards else "gloo")
    try:
        yield Processes(launch.rank, launch.size, launch.local_rank, launch.local_size)
    finally:
        dist.destroy_process_group()
