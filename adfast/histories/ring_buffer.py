"""RingBuffer: the most recent transitions of many lanes in memory, sampled while they are written.

Each lane is one circular array per field and holds one history at a time, oldest rows overwritten
first. One thread at a time may append; any number may sample meanwhile, and none waits for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from adfast import _native
from adfast.errors import InvalidArgument
from adfast.histories.schema import (
    EPISODE_STEP,
    Schema,
    check_array,
    check_names,
    check_schema,
    has_episodes,
)
from adfast.histories.windows import WindowSampler


class RingBuffer(WindowSampler):
    """`num_lanes` lanes that hold the last `capacity` transitions each.

    Histories are numbered in the order in which they begin: by append, and within one append by
    lane (`append`) or by row of the block (`append_block`). Memory is `num_bytes`, taken as it is
    first written.
    """

    def __init__(self, schema: Schema, num_lanes: int, capacity: int) -> None:
        fields = check_schema(schema)
        for argument, value in (("num_lanes", num_lanes), ("capacity", capacity)):
            if value < 1:
                raise InvalidArgument(f"{argument} must be at least 1, got {value}")
        self.num_lanes = num_lanes
        self.capacity = capacity
        item_bytes = [field.item_bytes for field in fields.values()]
        self.num_bytes = num_lanes * capacity * sum(item_bytes)
        episode_field = list(fields).index(EPISODE_STEP) if has_episodes(fields) else -1
        self._ring = _native.RingBuffer(num_lanes, capacity, item_bytes, episode_field)
        super().__init__(schema, self._ring.lanes)

    def append(self, fields: Mapping[str, np.ndarray], starts: np.ndarray | None = None) -> None:
        """Append one transition to every lane: name -> `[num_lanes, *item]`.

        `starts`, bool `[num_lanes]`, marks the lanes in which it is the first of a history; the
        very first transition of a lane always is. Rows are staged and written 64 at a time:
        `flush()` makes the staged ones visible to `sample` at once.
        """
        check_names(fields.keys(), self._fields)
        arrays = [
            check_array(name, fields[name], field, (self.num_lanes,))
            for name, field in self._fields.items()
        ]
        if starts is not None:
            starts = check_starts(starts, self.num_lanes)
        self._ring.append(arrays, starts)

    def append_block(
        self,
        lanes: Sequence[int] | np.ndarray,
        fields: Mapping[str, np.ndarray],
        *,
        lengths: np.ndarray | None = None,
        starts: bool | np.ndarray = True,
    ) -> None:
        """Append many transitions to each of N distinct lanes: name -> `[N, T, *item]`.

        `lengths`, `[N]`, says how many of the T belong to each lane (default: all). Where `starts`
        is true (one bool, or bool `[N]`) the first of them begins a history; elsewhere they
        continue the lane's open one. Visible to `sample` on return.
        """
        targets = check_lanes(lanes, self.num_lanes)
        check_names(fields.keys(), self._fields)
        first = next(iter(self._fields))
        if np.ndim(fields[first]) < 2:
            raise InvalidArgument(
                f'field "{first}" must have shape (lanes, transitions, *item), '
                f"got {np.shape(fields[first])}"
            )
        max_length = fields[first].shape[1]
        arrays = [
            check_array(name, fields[name], field, (len(targets), max_length))
            for name, field in self._fields.items()
        ]
        lengths = np.full(len(targets), max_length) if lengths is None else np.asarray(lengths)
        if lengths.shape != (len(targets),) or lengths.dtype.kind not in "iu":
            raise InvalidArgument(
                f"lengths must be integers of shape {(len(targets),)}, "
                f"got {lengths.dtype} of shape {lengths.shape}"
            )
        longest = min(max_length, self.capacity)
        if lengths.size and not 1 <= lengths.min() <= lengths.max() <= longest:
            raise InvalidArgument(
                f"lengths must be in 1..{longest} (block of {max_length}, capacity "
                f"{self.capacity}), got {lengths.min()}..{lengths.max()}; "
                "append a longer history in parts or raise the capacity"
            )
        if isinstance(starts, bool):
            starts = np.full(len(targets), starts)
        self._ring.append_block(
            targets,
            arrays,
            max_length,
            lengths.astype(np.uint64),
            check_starts(starts, len(targets)),
        )

    def flush(self) -> None:
        """Make the transitions that `append` has staged visible to `sample`."""
        self._ring.flush()

    def __reduce__(self) -> NoReturn:
        raise InvalidArgument(
            "a ring buffer cannot be copied or sent to another process; begin the process by "
            '"fork", or write histories into a store (histories.create) and send that'
        )


def check_starts(starts: np.ndarray, count: int) -> np.ndarray:
    """`starts` as contiguous bool `[count]`; raises `InvalidArgument` otherwise."""
    if not isinstance(starts, np.ndarray) or starts.dtype != np.bool_ or starts.shape != (count,):
        raise InvalidArgument(
            f"starts must be a bool array of shape {(count,)}, "
            f"got {getattr(starts, 'dtype', type(starts).__name__)} of shape {np.shape(starts)}"
        )
    return np.ascontiguousarray(starts)


def check_lanes(lanes: Sequence[int] | np.ndarray, num_lanes: int) -> list[int]:
    """`lanes` as distinct indices in range; raises `InvalidArgument` otherwise."""
    targets = [int(lane) for lane in lanes]
    if len(set(targets)) != len(targets):
        raise InvalidArgument(f"lanes must be distinct, got {targets}")
    for lane in targets:
        if not 0 <= lane < num_lanes:
            raise InvalidArgument(f"lanes must be in 0..{num_lanes - 1}, got {lane}")
    return targets
