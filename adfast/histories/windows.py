"""Windows of histories as batches: what a ring buffer and a store have in common.

Legend: B rows of the batch, L transitions of a row. A batch is a dict of arrays `[B, L, *item]`,
one per field. Which windows it holds is a function of (seed, draw) and of the ordered list of
histories alone, row by row, not of threads, capacity, or whether a ring or a store keeps them. The
definition in plain Python is `tests/reference/ring_buffer.py`; the C++ is in `csrc/`.

Observations that are a function of the stored state are rendered from a sampled batch, never
stored: that step takes the dict returned here and adds to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np

from adfast import _native
from adfast.errors import AdfastError, InvalidArgument, shown
from adfast.histories.batch_memory import MAX_SIZE, BatchLayout
from adfast.histories.schema import (
    DOCUMENT_START,
    HISTORY_INDEX,
    HISTORY_OFFSET,
    Schema,
    check_schema,
    has_episodes,
)
from adfast.values import MAX_SEED, as_count, as_seed

Align = Literal["step", "episode"]
PlanKey = tuple[int, str, int, int | None]  # length, align, evicted, committed

MAX_PLANS = 8  # kept per sampler: lengths and alignments in use at the same time
MAX_LAYOUTS = 8  # kept per sampler: kinds of batches in use at the same time
MAX_REPLANS = 16  # plans given up in a row because the writer overtook them


class Undrawn(NamedTuple):
    """Histories that hold no window, their transitions, and how many of both there are in all."""

    histories: int
    transitions: int
    all_histories: int
    all_transitions: int


class BatchOptions(TypedDict, total=False):
    """What is drawn, and where it goes, of any source of windows; see `WindowSampler.sample`."""

    first_row: int
    align: Align
    fields: Iterable[str] | None
    out: Mapping[str, np.ndarray] | None
    return_positions: bool


class DrawOptions(BatchOptions, total=False):
    """What `WindowSampler.sample` takes beside sizes, seed and draw; see there."""

    evicted: int
    committed: int | None
    threads: int


class WindowSampler:
    """Samples windows from native lanes; the base of `RingBuffer` and `HistoryStore`.

    Any number of threads may sample at the same time.
    """

    def __init__(self, schema: Schema, lanes: _native.Lanes) -> None:
        self.schema = schema
        self._fields = check_schema(schema)
        self._lanes = lanes
        self._plans: OrderedDict[PlanKey, _native.WindowPlan] = OrderedDict()
        self._layouts: OrderedDict[tuple[int, int, tuple[str, ...] | None, bool], BatchLayout] = (
            OrderedDict()
        )

    @property
    def num_histories(self) -> int:
        """Histories of which at least one transition is held."""
        return self._lanes.count_held()[0]

    @property
    def num_transitions(self) -> int:
        """Transitions held."""
        return self._lanes.count_held()[1]

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what tells these histories from others; nothing where they keep changing."""
        return {}

    def undrawn(
        self, length: int, *, align: Align = "step", evicted: int = 0, committed: int | None = None
    ) -> Undrawn:
        """The histories in which `sample` finds no window, as its arguments say.

        Raises `InvalidArgument` if there is no window at all.
        """
        return Undrawn(*self._current_plan(length, align, evicted, committed).counts)

    def sample(
        self, batch_size: int, length: int, *, seed: int, draw: int, **options: Unpack[DrawOptions]
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: windows of `length` consecutive transitions of one history each.

        Which ones follows from `seed` and `draw`, row by row, so that several processes can share a
        batch: these are its rows from `first_row` (0 by default) on. `options` say more:

        Windows start uniformly at any transition after which `length` of them are held in the same
        history (`align="step"`, the default), or at any of these whose `episode_step` is 0
        (`align="episode"`). `fields` names those of the batch (default: all). Only histories
        numbered from `evicted` to below `committed` are drawn from (default: all). The arrays go
        into `out` where given, otherwise into memory that is used again after the batch has been
        dropped. With `return_positions` the batch also has `history_index` and `history_offset`,
        int64 `[B]`: the number of the history, and of the window's first transition in it.
        `threads` (default: 1) copy.

        Raises `InvalidArgument` if no history is long enough, and for a wrong field or `out`.
        """
        return self._sample(False, batch_size, length, seed, draw, **options)

    def sample_packed(
        self, batch_size: int, length: int, *, seed: int, draw: int, **options: Unpack[DrawOptions]
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: rows filled with histories back to back, and `document_start`.

        A row is a random cut from an endless concatenation of histories drawn uniformly: the first
        document starts at any transition of any history, the others at their history's first, and
        the row's end cuts the last one. So every transition is equally likely. With
        `align="episode"` the first document starts at any episode start instead, all of them
        equally likely, and the others at their history's first episode start: a transition is then
        the likelier the more episodes begin less than `length` before it.
        `document_start`, int32 `[B, L]`, is the index in the row of the first token of each token's
        document. The other arguments are those of `sample`; `history_index` and `history_offset`
        are `[B, L]` here, one per token.
        """
        return self._sample(True, batch_size, length, seed, draw, **options)

    def _sample(
        self,
        is_packed: bool,
        batch_size: int,
        length: int,
        seed: int,
        draw: int,
        *,
        first_row: int = 0,
        align: Align = "step",
        fields: Iterable[str] | None = None,
        evicted: int = 0,
        committed: int | None = None,
        out: Mapping[str, np.ndarray] | None = None,
        return_positions: bool = False,
        threads: int = 1,
    ) -> dict[str, np.ndarray]:
        """Both kinds of batches."""
        numbers, bounds = (seed, draw, first_row, threads), (evicted, committed)
        try:
            layout = self._layout(batch_size, length, fields, is_packed)
            key = (1 if is_packed else length, align, *bounds)
            plan = self._current_plan(*key)
        except TypeError:  # of a value that cannot be looked up
            check_sizes(batch_size, length, align, *bounds)
            raise InvalidArgument(f"fields must be names, got {shown(fields)}") from None
        batch = layout.allocate() if out is None else layout.adopt(out)
        result = batch.arrays.copy()
        target = batch.target
        if return_positions:
            shape = (batch_size, length) if is_packed else (batch_size,)
            target = add_positions(result, target, shape)
        for _ in range(MAX_REPLANS):
            try:
                if is_packed:
                    is_whole = _native.sample_packed(
                        self._lanes, plan, target, *numbers, result[DOCUMENT_START]
                    )
                else:
                    is_whole = _native.sample(self._lanes, plan, target, *numbers)
            except TypeError:
                check_numbers(*numbers)
                raise
            if is_whole:
                if out is None:
                    layout.recycle(batch)
                return result
            plan = self._plan(*key)
        raise AdfastError(
            "the writer keeps overwriting windows faster than they are copied; give the ring "
            "buffer a capacity well above the window length"
        )

    def _current_plan(
        self, length: int, align: str, evicted: int, committed: int | None
    ) -> _native.WindowPlan:
        """The plan for these windows, a new one if the writer has written since."""
        plan = self._plans.get((length, align, evicted, committed))
        if plan is None or not plan.is_current(self._lanes):
            plan = self._plan(length, align, evicted, committed)
        return plan

    def _plan(
        self, length: int, align: str, evicted: int, committed: int | None
    ) -> _native.WindowPlan:
        """A new plan for these windows; raises `InvalidArgument` if there is none."""
        check_sizes(1, length, align, evicted, committed)
        if align == "episode" and not has_episodes(self._fields):
            raise InvalidArgument(
                'align="episode" needs an unsigned integer field "episode_step" in the schema, '
                f'got {", ".join(self._fields)}; use align="step"'
            )
        below = MAX_SEED if committed is None else committed
        if evicted > below:
            raise InvalidArgument(
                f"evicted must not be above committed, got {evicted} and {committed}"
            )
        plan = _native.WindowPlan(self._lanes, length, align == "episode", evicted, below)
        if plan.num_candidates == 0:
            among = describe_bounds(evicted, committed)
            raise InvalidArgument(self._explain_no_window(plan.longest, length, align, among))
        self._plans[length, align, evicted, committed] = plan
        while len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
        return plan

    def _explain_no_window(self, longest: int, length: int, align: str, among: str) -> str:
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
        self, batch_size: int, length: int, fields: Iterable[str] | None, is_packed: bool
    ) -> BatchLayout:
        """The layout of such batches, which holds their memory."""
        if isinstance(fields, str) or not isinstance(fields, Iterable | None):
            raise InvalidArgument(f"fields must be a list of names, got {shown(fields)}")
        names = None if fields is None else tuple(fields)
        key = (batch_size, length, names, is_packed)
        layout = self._layouts.get(key)
        if layout is None:
            names = tuple(self._fields) if names is None else names
            layout = BatchLayout(self._lanes, self._fields, batch_size, length, names, is_packed)
            self._layouts[key] = layout
            while len(self._layouts) > MAX_LAYOUTS:
                self._layouts.popitem(last=False)
        return layout


def describe_bounds(evicted: int, committed: int | None) -> str:
    """Which histories are drawn from, to follow "no history"; nothing where it is all of them."""
    if evicted:
        return f" from number {evicted} on" + ("" if committed is None else f" below {committed}")
    return "" if committed is None else f" among the first {committed}"


def add_positions(
    result: dict[str, np.ndarray], target: _native.Target, shape: tuple[int, ...]
) -> _native.Target:
    """Add `history_index` and `history_offset` to `result`; the target that fills them."""
    result[HISTORY_INDEX] = np.empty(shape, np.int64)
    result[HISTORY_OFFSET] = np.empty(shape, np.int64)
    return target.with_positions(result[HISTORY_INDEX], result[HISTORY_OFFSET])


def check_numbers(seed: int, draw: int, first_row: int, threads: int) -> None:
    """Raise `InvalidArgument` unless the native code can take all of them."""
    for argument, value in (("seed", seed), ("draw", draw), ("first_row", first_row)):
        as_seed(argument, value)
    as_count("threads", threads)


def check_sizes(
    batch_size: int, length: int, align: str, evicted: int, committed: int | None
) -> None:
    """Raise `InvalidArgument` for what is no size, alignment or bound."""
    as_count("batch_size", batch_size, MAX_SIZE)
    as_count("length", length, MAX_SIZE)
    if not isinstance(align, str) or align not in ("step", "episode"):
        raise InvalidArgument(f'align must be "step" or "episode", got {shown(align)}')
    as_seed("evicted", evicted)
    if committed is not None:
        as_seed("committed", committed)
