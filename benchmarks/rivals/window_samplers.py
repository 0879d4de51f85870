"""What a rival that samples windows must prove: whole pieces of one lane, from anywhere.

Legend: E lanes, T transitions of a lane, B windows, L transitions of a window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.contest import NotEquivalent
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import Rival

Arrays = Mapping[str, np.ndarray]
# Draws windows [B, L, *item] of every field from lanes [E, T, *item].
Sampler = Callable[[], Arrays]
MakeSampler = Callable[[Arrays, int, int], Sampler]  # (arrays, B, L)

CHECKED_LANES, CHECKED_CAPACITY, CHECKED_WINDOWS, CHECKED_LENGTH = 16, 64, 256, 9


def window_rival(
    label: str, make: MakeSampler, arrays: Arrays, batch_size: int, length: int
) -> Rival:
    """A rival that is timed on `arrays` and checked on small ones whose items name their place."""
    sampler = make(arrays, batch_size, length)
    return Rival(Contender(label, sampler, batch_size), lambda: require_windows(label, make))


def require_windows(label: str, make: MakeSampler) -> None:
    """Raise `NotEquivalent` unless windows are whole, within a lane, and from all lanes."""
    lanes, capacity = CHECKED_LANES, CHECKED_CAPACITY
    place = np.arange(lanes * capacity).reshape(lanes, capacity)
    arrays: dict[str, np.ndarray] = {
        "observation": np.stack([place // 256, place % 256], -1).astype(np.uint8),
        "action": (place % 256).astype(np.uint8),
        "reward": place.astype(np.float32),
        "boundary": (place // 256).astype(np.uint8),
    }
    windows = make(arrays, CHECKED_WINDOWS, CHECKED_LENGTH)()
    first = np.asarray(windows["reward"])[:, :1].astype(np.int64)
    places = first + np.arange(CHECKED_LENGTH)
    lane = places // capacity
    if (lane != lane[:, :1]).any():
        raise NotEquivalent(f"{label}: a window crosses from one lane into another")
    if len(np.unique(lane)) < lanes or len(np.unique(first % capacity)) < capacity // 2:
        raise NotEquivalent(f"{label}: windows do not come from everywhere")
    for name, array in arrays.items():
        expected = array.reshape(-1, *array.shape[2:])[places]
        if not np.array_equal(np.asarray(windows[name]).reshape(expected.shape), expected):
            raise NotEquivalent(f"{label}: {name} is not that of consecutive transitions")
