"""ReusedMemory: large arrays whose memory is used again once nobody refers to them any more.

Fresh memory costs several times what is written to it: the system hands it out page by page, as
each is touched, and takes it back whole when an array is dropped.
"""

from __future__ import annotations

import math
from collections import deque
from sys import getrefcount
from typing import Any

import numpy as np

LEAST_BYTES = 1 << 20  # of arrays that memory is kept of: of smaller ones malloc does it
KEPT_BYTES = 1 << 30


class Block:
    """Memory that arrays are views of, and so refer to."""

    def __init__(self, capacity: int) -> None:
        self.memory = np.empty(capacity, np.uint8)
        self._idle_references = getrefcount(self.memory)

    @property
    def is_idle(self) -> bool:
        """Whether no array refers to it."""
        return getrefcount(self.memory) == self._idle_references


class ReusedMemory:
    """Makes arrays, for any number of threads; forgets the oldest memory beyond `KEPT_BYTES`."""

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()  # in use or not, the newest last

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """An array of undefined content, like `np.empty`."""
        size = math.prod(shape) * dtype.itemsize
        if size < LEAST_BYTES:
            return np.empty(shape, dtype)
        # Sizes that differ a little share memory; what is not touched costs nothing.
        capacity = 1 << (size - 1).bit_length()
        block = self._take(capacity) or Block(capacity)
        array = block.memory[:size].view(dtype).reshape(shape)
        self._blocks.append(block)  # only now that it is in use
        self._forget()
        return array

    def _take(self, capacity: int) -> Block | None:
        """An idle block of `capacity` bytes, which no other thread has meanwhile."""
        for _ in range(len(self._blocks)):
            try:
                block = self._blocks.popleft()
            except IndexError:  # another thread has them
                return None
            if len(block.memory) == capacity and block.is_idle:
                return block
            self._blocks.append(block)
        return None

    def _forget(self) -> None:
        """Let go of the oldest blocks, down to `KEPT_BYTES` or the newest alone."""
        while len(self._blocks) > 1 and sum(len(b.memory) for b in list(self._blocks)) > KEPT_BYTES:
            try:
                self._blocks.popleft()
            except IndexError:
                return
