"""ShownBatches: batches for a device, their observations as an agent reads them.

What rows keep of rendered observations are poses, and those who draw them are processors: here it
is done ahead of the device, by the thread that prefetches batches and a pool beside it. On the
processor nobody needs it, as models draw what they are given there.

Axes: B batch, T transitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch

from adfast.machine.reused_memory import ReusedMemory
from adfast.provenance import available_cores
from adfast.tasks.observation import ObservationSpec
from adfast.training.batches.batches import Batches


@contextmanager
def shown_batches(batches: Batches, observation: ObservationSpec) -> Iterator[Filled]:
    """`batches` with what an agent reads of `observation`: as they are, or drawn."""
    if not observation.is_drawn:
        yield batches
        return
    with ThreadPoolExecutor(available_cores(), thread_name_prefix="draw") as pool:
        yield ShownBatches(batches, observation, pool)


class Filled(Protocol):
    """The part of `Batches` that whoever prefetches them needs."""

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`."""

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the same batch into `out`."""


class ShownBatches:
    """`batches`, of which `observation` says how they are drawn; the threads of `pool` do it.

    Of next observations those are drawn that end an episode within the window, as models look at
    no others; the rest is whatever was there.
    """

    def __init__(
        self, batches: Batches, observation: ObservationSpec, pool: ThreadPoolExecutor
    ) -> None:
        self._batches = batches
        self._observation = observation
        self._pool = pool
        self._memory = ReusedMemory()

    def __call__(self, update: int) -> dict[str, torch.Tensor]:
        """The batch of `update`."""
        batch = self._batches(update)
        read = self._observation.read
        shape = (*batch["action"].shape, *read.shape)
        for name in ("observation", "next_observation"):
            batch[name] = torch.from_numpy(self._memory.empty(shape, read.dtype))
        self.fill(update, {name: values.numpy() for name, values in batch.items()})
        return batch

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the batch of `update` into `out`."""
        batch = {name: values.numpy() for name, values in self._batches(update).items()}
        for name in out.keys() - {"observation", "next_observation"}:
            out[name][...] = batch[name]
        shows_final = np.zeros(batch["action"].shape, bool)
        shows_final[:, :-1] = batch["episode_step"][:, 1:] == 0

        def draw(row: int) -> None:
            self._observation.as_shown(batch["observation"][row], out["observation"][row])
            final = batch["next_observation"][row, shows_final[row]]
            out["next_observation"][row, shows_final[row]] = self._observation.as_shown(final)

        for _ in self._pool.map(draw, range(len(shows_final))):
            pass
