"""Memory of sampled batches, used again once nobody refers to a batch any more.

Fresh memory would cost several times the copying (a page fault every 4 KB), and
buffers that are used again regardless would change a batch under its owner.
"""

from __future__ import annotations

import math
import mmap
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from sys import getrefcount

import numpy as np

from adfast import _native
from adfast.errors import InvalidArgument, UnknownName, legible, shown
from adfast.histories.schema import DOCUMENT_START, check_array
from adfast.tasks.fields import Field
from adfast.values import as_count, require_kind

MAX_SIZE = 2**31 - 1  # rows of a batch, and transitions of a row
ALIGNMENT = 64  # of every array in its block: a cache line
HUGE_PAGE = 1 << 21
MAX_BATCHES = 4  # of one layout that are kept for reuse


@dataclass
class Batch:
    """Arrays of one batch and the native view of them."""

    arrays: dict[str, np.ndarray]
    target: _native.Target
    idle_references: tuple[int, ...] = ()

    def count_references(self) -> tuple[int, ...]:
        """References to each array; a view refers to its array too."""
        return tuple(map(getrefcount, self.arrays.values()))


class BatchLayout:
    """The names, dtypes and shapes of one kind of batch, and the memory of such batches.

    A packed batch also has `document_start`, int32 `[B, L]`, as its last array. Raises
    `InvalidArgument` or `UnknownName` for sizes and fields that are not valid.
    """

    def __init__(
        self,
        lanes: _native.Lanes,
        fields: Mapping[str, Field],
        batch_size: int,
        length: int,
        names: tuple[str, ...],
        is_packed: bool,
    ) -> None:
        self._batch_size = as_count("batch_size", batch_size, MAX_SIZE)
        self._length = as_count("length", length, MAX_SIZE)
        if not names or len(set(names)) != len(names):
            raise InvalidArgument(f"fields must be distinct and not empty, got {shown(names)}")
        for name in names:
            if name not in fields:
                raise UnknownName("field", str(name), fields)
        self.names = (*names, DOCUMENT_START) if is_packed else names
        self._lanes = lanes
        order = list(fields)
        self._indices = [order.index(name) for name in names]
        self._items = [fields[name] for name in names]
        if is_packed:
            self._items.append(Field(np.dtype(np.int32)))
        self._batches: deque[Batch] = deque(maxlen=MAX_BATCHES)

    def allocate(self) -> Batch:
        """A batch that nobody refers to, its contents undefined."""
        for _ in range(len(self._batches)):
            try:
                batch = self._batches.popleft()  # alone with it: another thread gets another one
            except IndexError:
                break
            if batch.count_references() == batch.idle_references:
                return batch
            self._batches.append(batch)
        batch = self._make(self._allocate_arrays())
        batch.idle_references = batch.count_references()
        return batch

    def recycle(self, batch: Batch) -> None:
        """Keep `batch`, which its user may still hold, for a later `allocate`."""
        self._batches.append(batch)

    def adopt(self, out: Mapping[str, np.ndarray]) -> Batch:
        """The caller's arrays as a batch; raises `InvalidArgument` unless they fit exactly."""
        require_kind("out", out, Mapping, "a mapping of names to arrays")
        if out.keys() != set(self.names):
            raise InvalidArgument(
                f"out must have exactly the arrays {', '.join(self.names)}, "
                f"got {legible(', '.join(map(str, out))) or 'none'}"
            )
        for name, field in zip(self.names, self._items, strict=True):
            array = out[name]
            checked = check_array(name, array, field, (self._batch_size, self._length))
            if checked is not array or not array.flags.writeable:
                raise InvalidArgument(f'out["{name}"] must be C-contiguous and writeable')
        return self._make({name: out[name] for name in self.names})

    def _make(self, arrays: dict[str, np.ndarray]) -> Batch:
        outputs = tuple(arrays.values())[: len(self._indices)]
        target = _native.Target(self._lanes, self._batch_size, self._length, self._indices, outputs)
        return Batch(arrays, target)

    def _allocate_arrays(self) -> dict[str, np.ndarray]:
        """Arrays in one block of memory, of huge pages if it is large."""
        shapes = [(self._batch_size, self._length, *field.shape) for field in self._items]
        sizes = [
            field.dtype.itemsize * math.prod(shape)
            for field, shape in zip(self._items, shapes, strict=True)
        ]
        offsets = [*accumulate((-(-size // ALIGNMENT) * ALIGNMENT for size in sizes), initial=0)]
        # Private: a forked child must not write into the batches of its parent.
        try:
            block = mmap.mmap(-1, offsets[-1], mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except (OSError, OverflowError, ValueError):
            raise InvalidArgument(
                f"a batch of batch_size {self._batch_size} and length {self._length} takes "
                f"{sum(sizes)} bytes, which this machine has not; lower either"
            ) from None
        if len(block) >= HUGE_PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
            block.madvise(mmap.MADV_HUGEPAGE)
        return {
            name: np.ndarray(shape, field.dtype, block, offset)
            for name, field, shape, offset in zip(
                self.names, self._items, shapes, offsets[:-1], strict=True
            )
        }
