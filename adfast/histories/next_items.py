"""Next observations that are large are not kept where the row after shows the same.

Inside an episode the observation of row t + 1 is the next observation of row t, so only the other
rows keep theirs: those that end an episode, the last of a shard, and any whose next observation is
not, byte for byte, the observation of the row after it. Nothing is lost, whatever the rows say.
Small observations are kept twice: copying a window of them in one run is worth more than they take.

Twin: `tests/reference/next_items.py`. Legend: N rows, F of them keep their next observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from adfast.tasks.fields import Field

CONTINUED = "next_observation"
FOLLOWED = "observation"
LEAST_BYTES = 128  # of an item that is kept once: measured in docs/performance.md
CHUNK_BYTES = 1 << 24  # that are compared at a time


class KeptItems(NamedTuple):
    """What is kept of the continued field of N rows; the last row is always among them."""

    rows: np.ndarray  # uint64 [F], increasing
    items: np.ndarray  # [F, *item]


def may_be_kept_once(fields: Mapping[str, Field]) -> bool:
    """Whether rows of `fields` have next observations beside observations of their kind."""
    return CONTINUED in fields and fields[CONTINUED] == fields.get(FOLLOWED)


def is_kept_once(fields: Mapping[str, Field]) -> bool:
    """Whether new rows of `fields` keep their next observations once."""
    return may_be_kept_once(fields) and fields[CONTINUED].item_bytes >= LEAST_BYTES


def keep_items(followed: np.ndarray, continued: np.ndarray) -> KeptItems:
    """What is kept of `continued` `[N, *item]` beside `followed` `[N, *item]`, both contiguous."""
    num_rows = len(followed)
    is_kept = np.ones(num_rows, bool)
    step = max(CHUNK_BYTES // max(followed[:1].nbytes, 1), 1)
    for begin in range(0, num_rows - 1, step):
        end = min(begin + step, num_rows - 1)
        now, then = as_bytes(continued[begin:end]), as_bytes(followed[begin + 1 : end + 1])
        is_kept[begin:end] = (now != then).any(axis=1)
    rows = np.flatnonzero(is_kept).astype(np.uint64)
    return KeptItems(rows, continued[is_kept])


def as_bytes(items: np.ndarray) -> np.ndarray:
    """uint8 `[N, bytes]` of `items` `[N, *item]`: what is compared, so that -0.0 is not 0.0."""
    return np.ascontiguousarray(items).reshape(len(items), -1).view(np.uint8)


def next_items(followed: np.ndarray, kept: KeptItems, rows: slice | np.ndarray) -> np.ndarray:
    """The continued field at `rows` (a slice, numbers or a mask) as a new array."""
    num_rows = len(followed)
    if isinstance(rows, slice):
        numbers = np.arange(*rows.indices(num_rows))
    else:
        numbers = np.arange(num_rows)[rows]
    place = np.searchsorted(kept.rows, numbers.astype(np.uint64))
    place = np.minimum(place, len(kept.rows) - 1)
    is_kept = kept.rows[place] == numbers.astype(np.uint64)
    items = followed[np.minimum(numbers + 1, len(followed) - 1)]
    items[is_kept] = kept.items[place[is_kept]]
    return items
