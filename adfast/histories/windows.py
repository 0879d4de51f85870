"""Windows of histories as batches: what a ring buffer and a store have in common.

Legend: B rows of the batch, L transitions of a row. A batch is a dict of arrays `[B, L, *item]`,
one per field. Which windows it holds is a function of (seed, draw, rank) and of the ordered list of
histories alone, not of threads, capacity, or whether a ring or a store keeps them. The definition
in plain Python is `tests/reference/ring_buffer.py`; the C++ is in `csrc/`.

Observations that are a function of the stored state are rendered from a sampled batch, never
stored: that step takes the dict returned here and adds to it.
"""

from __future__ import annotations

import mmap
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from adfast import _native
from adfast.errors import AdfastError, InvalidArgument, UnknownName
from adfast.histories.schema import (
    DOCUMENT_START,
    HISTORY_INDEX,
    HISTORY_OFFSET,
    Schema,
    check_array,
    check_schema,
    has_episodes,
)
from adfast.tasks.transition_schema import Field

Align = Literal["step", "episode"]

MAX_PLANS = 8  # kept per sampler: lengths and alignments in use at the same time
MAX_REPLANS = 16  # plans given up in a row because the writer overtook them
MAX_UINT64 = 2**64 - 1


class Layout(NamedTuple):
    """Where the arrays of one kind of batch lie in one block of memory."""

    indices: list[int]  # of the copied fields in the schema
    arrays: list[tuple[str, Field, tuple[int, ...], int]]  # name, field, shape, byte offset
    num_bytes: int


class BatchMemory:
    """Memory of batches, which is used again once nobody refers to the batch any more.

    Fresh memory would cost more than the copying (a page fault per 4 KB), and buffers that are used
    again regardless would change a batch under its owner. A block returns when the last array or
    view into it is gone.
    """

    ALIGNMENT = 64
    MAX_FREE = 4  # blocks of one size kept for reuse

    def __init__(self) -> None:
        self._free: dict[int, list[mmap.mmap]] = {}

    def allocate(self, layout: Layout) -> dict[str, np.ndarray]:
        """Uninitialised arrays for `layout`."""
        free = self._free.setdefault(layout.num_bytes, [])
        block = free.pop() if free else mmap.mmap(-1, layout.num_bytes)
        owner = np.frombuffer(block, np.uint8)
        weakref.finalize(owner, self._release, free, block).atexit = False
        return {
            name: np.ndarray(shape, field.dtype, owner, offset)
            for name, field, shape, offset in layout.arrays
        }

    @classmethod
    def _release(cls, free: list[mmap.mmap], block: mmap.mmap) -> None:
        if len(free) < cls.MAX_FREE:
            free.append(block)


class WindowSampler:
    """Samples windows from native lanes; the base of `RingBuffer` and `HistoryStore`.

    Any number of threads may sample at the same time.
    """

    def __init__(self, schema: Schema, lanes: _native.Lanes) -> None:
        self.schema = schema
        self._fields = check_schema(schema)
        self._lanes = lanes
        self._plans: OrderedDict[tuple[int, bool, int], _native.WindowPlan] = OrderedDict()
        self._layouts: dict[tuple[int, int, tuple[str, ...], bool], Layout] = {}
        self._memory = BatchMemory()

    @property
    def num_histories(self) -> int:
        """Histories of which at least one transition is held."""
        return self._lanes.count_held()[0]

    @property
    def num_transitions(self) -> int:
        """Transitions held."""
        return self._lanes.count_held()[1]

    def sample(
        self,
        batch_size: int,
        length: int,
        *,
        seed: int,
        draw: int,
        rank: int = 0,
        align: Align = "step",
        fields: Iterable[str] | None = None,
        committed: int | None = None,
        out: Mapping[str, np.ndarray] | None = None,
        return_positions: bool = False,
        threads: int = 1,
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: windows of `length` consecutive transitions of one history each.

        Windows start uniformly at any transition after which `length` of them are held in the same
        history (`align="step"`), or at any of these whose `episode_step` is 0 (`align="episode"`).
        Only the first `committed` histories are drawn from (default: all). The arrays go into `out`
        where given, otherwise into memory that is used again after the batch has been dropped. With
        `return_positions` the batch also has `history_index` and `history_offset`, int64 `[B]`: the
        number of the history, and of the window's first transition in it.

        Raises `InvalidArgument` if no history is long enough, and for a wrong field or `out`.
        """
        layout = self._layout(batch_size, length, fields, is_packed=False)
        batch = self._outputs(layout, out)
        outputs = list(batch.values())
        history = offset = None
        if return_positions:
            batch[HISTORY_INDEX] = history = np.empty(batch_size, np.int64)
            batch[HISTORY_OFFSET] = offset = np.empty(batch_size, np.int64)
        check_draw(seed, draw, rank, threads)
        for _ in range(MAX_REPLANS):
            plan = self._plan(length, align, committed)
            try:
                _native.sample(
                    *(self._lanes, plan, seed, draw, rank, batch_size),
                    *(layout.indices, outputs, history, offset, threads),
                )
            except _native.Overwritten:
                continue
            return batch
        raise AdfastError(OVERTAKEN)

    def sample_packed(
        self,
        batch_size: int,
        length: int,
        *,
        seed: int,
        draw: int,
        rank: int = 0,
        align: Align = "step",
        fields: Iterable[str] | None = None,
        committed: int | None = None,
        out: Mapping[str, np.ndarray] | None = None,
        return_positions: bool = False,
        threads: int = 1,
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: rows filled with histories back to back, and `document_start`.

        A row is a random cut from an endless concatenation of histories drawn uniformly, so every
        transition is equally likely: the first document starts at any transition (or episode start)
        of any history, the others at their history's first, and the row's end cuts the last one.
        `document_start`, int32 `[B, L]`, is the index in the row of the first token of each token's
        document. The other arguments are those of `sample`; `history_index` and `history_offset`
        are `[B, L]` here, one per token.
        """
        layout = self._layout(batch_size, length, fields, is_packed=True)
        batch = self._outputs(layout, out)
        outputs = list(batch.values())
        history = offset = None
        if return_positions:
            batch[HISTORY_INDEX] = history = np.empty((batch_size, length), np.int64)
            batch[HISTORY_OFFSET] = offset = np.empty((batch_size, length), np.int64)
        check_draw(seed, draw, rank, threads)
        for _ in range(MAX_REPLANS):
            plan = self._plan(1, align, committed)
            try:
                _native.sample_packed(
                    *(self._lanes, plan, seed, draw, rank, batch_size, length),
                    *(layout.indices, outputs[:-1], outputs[-1], history, offset, threads),
                )
            except _native.Overwritten:
                continue
            return batch
        raise AdfastError(OVERTAKEN)

    def _plan(self, length: int, align: str, committed: int | None) -> _native.WindowPlan:
        """The plan for these windows, made anew when the lanes have changed."""
        if align not in ("step", "episode"):
            raise InvalidArgument(f'align must be "step" or "episode", got {align!r}')
        by_episode = align == "episode"
        key = (length, by_episode, MAX_UINT64 if committed is None else committed)
        plan = self._plans.get(key)
        if plan is not None and plan.version == self._lanes.version:
            return plan
        if by_episode and not has_episodes(self._fields):
            raise InvalidArgument(
                'align="episode" needs an unsigned integer field "episode_step" in the schema, '
                f'got {", ".join(self._fields)}; use align="step"'
            )
        if not 0 <= key[2] <= MAX_UINT64:
            raise InvalidArgument(f"committed must not be negative, got {committed}")
        plan = _native.WindowPlan(self._lanes, *key)
        if plan.num_candidates == 0:
            raise InvalidArgument(self._explain_no_window(plan.longest, length, align, committed))
        self._plans[key] = plan
        while len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
        return plan

    def _explain_no_window(
        self, longest: int, length: int, align: str, committed: int | None
    ) -> str:
        among = "" if committed is None else f" among the first {committed}"
        if longest == 0:
            return f"cannot sample: no history{among} holds a transition; append some first"
        if longest < length:
            return (
                f"length must be at most {longest}, the longest history held{among}, got {length}; "
                "shorten the windows or use sample_packed"
            )
        return (
            f"no episode start is followed by {length} transitions of its history{among}; shorten "
            f'the windows or use align="step" instead of "{align}"'
        )

    def _layout(
        self, batch_size: int, length: int, fields: Iterable[str] | None, *, is_packed: bool
    ) -> Layout:
        names = tuple(self._fields if fields is None else fields)
        key = (batch_size, length, names, is_packed)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = make_layout(self._fields, *key)
        return layout

    def _outputs(
        self, layout: Layout, out: Mapping[str, np.ndarray] | None
    ) -> dict[str, np.ndarray]:
        if out is None:
            return self._memory.allocate(layout)
        return check_outputs(layout, out)


OVERTAKEN = (
    "the writer keeps overwriting windows faster than they are copied; give the ring buffer a "
    "capacity well above the window length"
)


def make_layout(
    fields: Mapping[str, Field],
    batch_size: int,
    length: int,
    names: tuple[str, ...],
    is_packed: bool,
) -> Layout:
    """The layout of a batch of the fields `names`; raises `InvalidArgument` or `UnknownName`."""
    for argument, value in (("batch_size", batch_size), ("length", length)):
        if not isinstance(value, int | np.integer) or not 1 <= value < 2**31:
            raise InvalidArgument(f"{argument} must be an integer of at least 1, got {value!r}")
    if not names or len(set(names)) != len(names):
        raise InvalidArgument(f"fields must be distinct and not empty, got {names}")
    for name in names:
        if name not in fields:
            raise UnknownName("field", name, fields)
    items = {name: fields[name] for name in names}
    if is_packed:
        items[DOCUMENT_START] = Field(np.dtype(np.int32))
    arrays = []
    offset = 0
    for name, field in items.items():
        arrays.append((name, field, (batch_size, length, *field.shape), offset))
        num_bytes = batch_size * length * field.item_bytes
        offset += -(-num_bytes // BatchMemory.ALIGNMENT) * BatchMemory.ALIGNMENT
    order = list(fields)
    return Layout([order.index(name) for name in names], arrays, offset)


def check_outputs(layout: Layout, out: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`out` in the layout's order; raises `InvalidArgument` unless it fits exactly."""
    names = [name for name, *_ in layout.arrays]
    if out.keys() != set(names):
        raise InvalidArgument(
            f"out must have exactly the arrays {', '.join(names)}, got {', '.join(out) or 'none'}"
        )
    for name, field, shape, _ in layout.arrays:
        array = out[name]
        if check_array(name, array, field, shape[:2]) is not array or not array.flags.writeable:
            raise InvalidArgument(f'out["{name}"] must be C-contiguous and writeable')
    return {name: out[name] for name in names}


def check_draw(seed: int, draw: int, rank: int, threads: int) -> None:
    """Raise `InvalidArgument` unless all are unsigned 64-bit integers and `threads` at least 1."""
    for argument, value in (("seed", seed), ("draw", draw), ("rank", rank), ("threads", threads)):
        if not 0 <= value <= MAX_UINT64:
            raise InvalidArgument(f"{argument} must be in 0..2**64-1, got {value}")
    if threads < 1:
        raise InvalidArgument(f"threads must be at least 1, got {threads}")
