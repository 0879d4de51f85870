"""BatchPrefetcher: batches on a device before they are asked for.

A thread fills host buffers through the C++ gather and has them copied on a stream of their own,
while the device still computes on earlier batches. The buffers of both sides form a ring of slots,
each used again as soon as two events allow it: a host buffer when the copy out of it is done, a
device buffer when the work that reads it is.

What touches a device is behind `Transfer`; its CUDA side is `transfer.py`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from adfast.closing import Closing

NUM_SLOTS = 3  # one that is computed on, one that is ready, one that is being filled

Fill = Callable[[int, Mapping[str, np.ndarray]], None]


class Event(Protocol):
    """A moment in a stream."""

    def synchronize(self) -> None:
        """Make the calling thread wait for it."""


class Transfer(Protocol):
    """Copies from host to device, beside what the device computes."""

    def allocate(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Tensors like the host's `like`: one to copy from, and one on the device."""

    def copy(self, pairs: list[tuple[Tensor, Tensor]], after: Any) -> Event:
        """Begin to copy each (host, device) pair once the event `after` (or None) has come.

        Returns at once; the event says when the copies are done.
        """

    def mark(self) -> Event:
        """The moment when all that the calling thread has asked the device to compute is done."""

    def hold_back(self, event: Any) -> None:
        """Let what the calling thread asks the device to compute from now on wait for `event`."""

    def finish(self) -> None:
        """Wait for all copies."""


@dataclass
class Slot:
    """The memory of one batch on both sides, and the events that say when it is free."""

    host: dict[str, Tensor]
    device: dict[str, Tensor]
    copied: Event | None = None
    consumed: Event | None = None


class BatchPrefetcher(Closing):
    """The batches of `updates`, in that order, as tensors on the device of `transfer`.

    `fill(update, out)` writes a batch into arrays shaped like `template`; what it raises is raised
    when that batch is asked for. Use it as a context, which ends the thread.
    """

    def __init__(
        self, fill: Fill, updates: range, template: Mapping[str, Tensor], transfer: Transfer
    ) -> None:
        self._fill = fill
        self._updates = updates
        self._transfer = transfer
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[tuple[int, Slot] | BaseException] = queue.SimpleQueue()
        self._in_use: Slot | None = None
        self._is_stopping = threading.Event()
        for _ in range(min(NUM_SLOTS, len(updates))):
            pairs = {name: transfer.allocate(like) for name, like in template.items()}
            host, device = ({name: pair[side] for name, pair in pairs.items()} for side in (0, 1))
            self._free.put(Slot(host, device))
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def __call__(self, update: int) -> dict[str, Tensor]:
        """The batch of `update`, valid until the next call."""
        self._release()
        item = self._ready.get()
        if isinstance(item, BaseException):
            self._ready.put(item)  # for whoever asks again
            raise item
        prefetched, slot = item
        assert prefetched == update, f"batches come in order: {prefetched} is next, not {update}"
        self._transfer.hold_back(slot.copied)
        self._in_use = slot
        return slot.device

    def _release(self) -> None:
        """Hand back the slot of the last batch; all work that reads it has been asked for."""
        if self._in_use is not None:
            self._in_use.consumed = self._transfer.mark()
            self._free.put(self._in_use)
            self._in_use = None

    def _run(self) -> None:
        """The thread: fill and copy slots in order until all are, or the context ends."""
        try:
            for update in self._updates:
                slot = self._free.get()
                if self._is_stopping.is_set():
                    return
                if slot.copied is not None:
                    slot.copied.synchronize()
                self._fill(update, {name: tensor.numpy() for name, tensor in slot.host.items()})
                pairs = [(slot.host[name], slot.device[name]) for name in slot.host]
                slot.copied = self._transfer.copy(pairs, slot.consumed)
                self._ready.put((update, slot))
        except BaseException as error:  # handed to the thread that takes the batches
            self._ready.put(error)

    def close(self) -> None:
        """End the thread and wait for its last copy."""
        self._is_stopping.set()
        self._free.put(Slot({}, {}))  # wakes the thread if it waits for one
        self._thread.join()
        self._transfer.finish()
