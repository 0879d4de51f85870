"""RingBuffer: the most recent transitions of many lanes in memory, sampled while they are written.

Each lane is one circular array per field and holds one history at a time, oldest rows overwritten
first. One thread at a time may append; any number may sample meanwhile, and none waits for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from adfast import _native
from adfast.errors import InvalidArgument, byte_size
from adfast.histories.field_limits import FieldLimits
from adfast.histories.next_items import CONTINUED, FOLLOWED, is_kept_once
from adfast.histories.schema import (
    EPISODE_STEP,
    Schema,
    check_array,
    check_names,
    check_schema,
    describe_fields,
    has_episodes,
)
from adfast.histories.windows import WindowSampler
from adfast.machine.memory import memory_bytes
from adfast.values import INTEGERS, as_array, as_count, as_mask

LANE_BYTES, STAGED_ROWS = 128, 64  # of each lane, taken at once: its tables, rows on the way
MAX_BYTES = 2**62  # of a ring; sizes in native code are integers of 64 bits


class RingBuffer(WindowSampler):
    """`num_lanes` lanes that hold the last `capacity` transitions each.

    Histories are numbered in the order in which they begin: by append, and within one append by
    lane (`append`) or by row of the block (`append_block`). Memory is `num_bytes`, taken as it is
    first written. Large next observations are beside that, and only those that the next row does
    not show, or did not show yet when their row was written.
    """

    def __init__(self, schema: Schema, num_lanes: int, capacity: int) -> None:
        fields = check_schema(schema)
        self.num_lanes = as_count("num_lanes", num_lanes)
        self.capacity = as_count("capacity", capacity)
        item_bytes = [field.item_bytes for field in fields.values()]
        once: dict[str, Any] = {}
        row_bytes = sum(item_bytes)
        if is_kept_once(fields):
            order = list(fields)
            once = {"continued": (order.index(CONTINUED), order.index(FOLLOWED))}
            row_bytes -= fields[CONTINUED].item_bytes
        self.num_bytes = self.num_lanes * self.capacity * row_bytes
        episode_field = list(fields).index(EPISODE_STEP) if has_episodes(fields) else -1
        at_once = self.num_lanes * (LANE_BYTES + min(STAGED_ROWS, self.capacity) * sum(item_bytes))
        try:
            if self.num_bytes > MAX_BYTES or at_once > memory_bytes():
                raise MemoryError
            self._ring = _native.RingBuffer(
                self.num_lanes, self.capacity, item_bytes, episode_field, **once
            )
        except (MemoryError, OSError):
            raise InvalidArgument(
                f"capacity of {self.capacity} transitions in {self.num_lanes} lanes takes "
                f"{byte_size(max(self.num_bytes, at_once))}, which this machine has not; lower "
                "either"
            ) from None
        self._limits = FieldLimits(fields)
        super().__init__(schema, self._ring.lanes)

    def __repr__(self) -> str:
        return (
            f"<RingBuffer: {self.num_transitions:,} transitions of {self.num_histories:,} histories"
            f" in {self.num_lanes:,} lanes of {self.capacity:,}; {describe_fields(self._fields)}>"
        )

    def append(self, fields: Mapping[str, np.ndarray], starts: np.ndarray | None = None) -> None:
        """Append one transition to every lane: name -> `[num_lanes, *item]`.

        `starts`, bool `[num_lanes]`, marks the lanes in which it is the first of a history; the
        very first transition of a lane always is. Rows are staged and written 64 at a time:
        `flush()` makes the staged ones visible to `sample` at once.

        Raises `InvalidArgument`, and changes nothing, for other arrays, numbers that are not finite
        and values outside the schema.
        """
        check_names(fields, self._fields)
        arrays = [
            check_array(name, fields[name], field, (self.num_lanes,))
            for name, field in self._fields.items()
        ]
        if starts is not None:
            starts = as_mask("starts", starts, self.num_lanes)
        self._limits.require(arrays, 1, self.num_lanes, lambda _, lane: f"lane {lane}")
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
        continue the lane's open one. Visible to `sample` on return. Raises as `append`.
        """
        targets = check_lanes(lanes, self.num_lanes)
        check_names(fields, self._fields)
        first = next(iter(self._fields))
        shape: tuple[int, ...] = getattr(fields[first], "shape", ())
        if len(shape) < 2:
            raise InvalidArgument(
                f'field "{first}" must be an array of shape (lanes, transitions, *item), '
                f"got {type(fields[first]).__name__} of shape {shape}"
            )
        max_length = shape[1]
        arrays = [
            check_array(name, fields[name], field, (len(targets), max_length))
            for name, field in self._fields.items()
        ]
        are_full = lengths is None
        lengths = np.full(len(targets), max_length) if lengths is None else lengths
        lengths = as_array("lengths", lengths, INTEGERS)
        if lengths.shape != (len(targets),):
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
        if isinstance(starts, bool | np.bool_):
            starts = np.full(len(targets), starts)
        starts = as_mask("starts", starts, len(targets))
        counts = lengths.astype(np.uint64)
        self._limits.require(
            arrays,
            len(targets),
            max_length,
            lambda row, item: f"lane {targets[row]}, transition {item}",
            lengths=None if are_full else counts,
        )
        self._ring.append_block(targets, arrays, max_length, counts, starts)

    def flush(self) -> None:
        """Make the transitions that `append` has staged visible to `sample`."""
        self._ring.flush()

    def __reduce__(self) -> NoReturn:
        raise InvalidArgument(
            "a ring buffer cannot be copied or sent to another process; begin the process by "
            '"fork", or write histories into a store (histories.create) and send that'
        )


def check_lanes(lanes: Sequence[int] | np.ndarray, num_lanes: int) -> list[int]:
    """`lanes` as distinct indices in range; raises `InvalidArgument` otherwise."""
    indices = as_array("lanes", lanes, INTEGERS)
    if indices.ndim != 1:
        raise InvalidArgument(f"lanes must be a list of integers, got shape {indices.shape}")
    targets: list[int] = indices.tolist()
    if len(set(targets)) != len(targets):
        raise InvalidArgument(f"lanes must be distinct, got {targets}")
    for lane in targets:
        if not 0 <= lane < num_lanes:
            raise InvalidArgument(f"lanes must be in 0..{num_lanes - 1}, got {lane}")
    return targets
