"""What chance can come to: keys that stand for all keys, each with its probability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adfast.errors import InvalidArgument
from adfast.random_streams import GOLDEN_32

Outcomes = tuple[tuple[int, float], ...]  # keys, and the probabilities of what each stands for

CERTAIN: Outcomes = ((0, 1.0),)  # whatever the key


def equally_likely(count: int, draw: Callable[[np.ndarray], np.ndarray]) -> Outcomes:
    """A key for each of the numbers 0 .. count - 1 that `draw` makes of keys, uint32 `[N]`.

    `draw` is written with `random_draws`, whose functions take arrays as well.
    """
    found = np.full(count, -1, np.int64)
    tried, most = 0, 1024 * (count + 1)
    while (found < 0).any() and tried < most:
        keys = (
            np.arange(tried, tried + 16 * count, dtype=np.uint64) * np.uint64(GOLDEN_32)
        ).astype(np.uint32)
        with np.errstate(over="ignore"):  # random draws wrap round
            numbers = draw(keys)
        found[numbers] = np.where(found[numbers] < 0, keys, found[numbers])
        tried += len(keys)
    if (found < 0).any():
        raise InvalidArgument(
            f"draw must give every number in 0..{count - 1} as often as any other, but "
            f"{int(np.argmin(found))} did not come up in {tried:,} keys"
        )
    return tuple((key, 1 / count) for key in found.tolist())
