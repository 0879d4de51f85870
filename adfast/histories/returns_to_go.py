"""What is still to be earned of an episode at each of its transitions, as models read it that are
conditioned on a return.

Twin: `tests/reference/returns_to_go.py`.

Legend: H histories and N transitions of a block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from adfast.errors import InvalidArgument
from adfast.histories.block import Block
from adfast.histories.schema import EPISODE_STEP, FieldSchema, has_episodes
from adfast.histories.store import HistoryStore
from adfast.tasks.fields import Field

RETURN_TO_GO = "return_to_go"


def with_returns_to_go(store: HistoryStore) -> HistoryStore:
    """`store` with a further field, float32: the return from each transition on, itself included.

    It is made when histories are read, and held in memory; all else stays mapped. Of an episode
    that its history cuts, the return is what the history holds. Raises `InvalidArgument` where rows
    do not say which step of an episode they are, and where a return is not finite.
    """
    fields = dict(store.schema.fields)
    if not has_episodes(fields) or "reward" not in fields:
        raise InvalidArgument(
            'histories need a field "reward" and an unsigned integer field "episode_step" to be '
            f"read with returns, got {', '.join(fields)}"
        )
    blocks = [
        replace(block, fields=block.fields | {RETURN_TO_GO: returns_of(block)})
        for block in store.blocks
    ]
    schema = FieldSchema(fields | {RETURN_TO_GO: Field(np.dtype(np.float32))})
    return store.with_blocks(blocks, schema)


def returns_of(block: Block) -> np.ndarray:
    """float32 `[N]`: the returns to go in all histories of `block`."""
    begins = block.fields[EPISODE_STEP] == 0
    begins[block.offsets[:-1][np.diff(block.offsets) > 0]] = True
    return returns_to_go(block.fields["reward"], begins)


def returns_to_go(reward: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """float32 `[N]`: of `reward` `[N]` the sums from each place to the end of its episode.

    Episodes lie back to back, each from where `begins` (bool `[N]`, the first is true) to the next.
    Sums are taken in float64 from the last place to the first.
    """
    start = np.flatnonzero(begins)
    length = np.diff(start, append=len(reward))
    by_length = np.argsort(-length, kind="stable")
    last, length = (start + length - 1)[by_length], length[by_length]
    total = np.zeros(len(start))
    found = np.empty(len(reward), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # who reads it refuses what is not finite
        for back in range(int(length.max(initial=0))):
            longer = int(np.searchsorted(-length, -back))  # the episodes that reach so far back
            rows = last[:longer] - back
            total[:longer] += reward[rows]
            found[rows] = total[:longer]
    return found


def best_return(blocks: Iterable[Block]) -> float:
    """The greatest return of an episode in `blocks` that have returns to go.

    Raises `InvalidArgument` unless it is finite.
    """
    best = -np.inf
    for block in blocks:
        returns = block.fields[RETURN_TO_GO][block.fields[EPISODE_STEP] == 0]
        best = max(best, float(returns.max(initial=-np.inf)))
    if not np.isfinite(best):
        raise InvalidArgument(
            f"the best return of an episode must be finite in float32, got {best}; train on "
            "histories that hold beginnings of episodes and finite rewards"
        )
    return best
