"""thin: a store of every k-th episode of another, so that its histories make faster progress.

A collection does so while it writes (`keep_every`); this is for histories that were recorded whole.
Legend: H histories of a block, N transitions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adfast.errors import InvalidArgument
from adfast.histories.block import Block
from adfast.histories.schema import has_episodes
from adfast.histories.store import HistoryStore, open_store
from adfast.histories.writer import create
from adfast.values import as_count, require_kind


def thin(store: HistoryStore, path: str | Path, *, keep_every: int) -> HistoryStore:
    """The store in folder `path`, with episodes 0, k, 2k, ... of each history of `store`.

    Metadata is that of `store`; `keep_every` and `thinned`, which says of what, are added to the
    description. Interrupted, it goes on when it is called again. Raises `InvalidArgument` for a
    `keep_every` below 1, and where rows do not say which step of an episode they are; `StoreError`
    where `path` holds others.
    """
    require_kind("store", store, HistoryStore, "a HistoryStore; adfast.histories.open gives one")
    keep_every = as_count("keep_every", keep_every)
    if not has_episodes(dict(store.schema.fields)):
        raise InvalidArgument(
            'histories need an unsigned integer field "episode_step" to be thinned, '
            f"got {', '.join(store.schema.fields)}"
        )
    description = {**store.description, "keep_every": keep_every, "thinned": store.identity}
    blocks = store.blocks
    with create(path, store.schema, num_blocks=len(blocks), description=description) as writer:
        for number, block in enumerate(blocks):
            if number in writer.finished_blocks:
                continue
            kept = kept_rows(block, keep_every)
            arrays = block.take(kept)
            lengths = np.add.reduceat(kept, block.offsets[:-1], dtype=np.int64)
            writer.append_block(number, arrays, lengths, {**block.metadata, **block.columns})
    return open_store(path)


def kept_rows(block: Block, keep_every: int) -> np.ndarray:
    """bool `[N]`: rows of episodes 0, k, 2k, ... of their history.

    What a history begins with is its episode 0, if only the rest of one.
    """
    assert block.episode_starts is not None, "checked by the caller"
    # Each row's episode, counted through the block, less that of its history's first row.
    episode = np.searchsorted(block.episode_starts, np.arange(block.num_transitions), side="right")
    first = np.repeat(episode[block.offsets[:-1]], np.diff(block.offsets))
    kept: np.ndarray = (episode - first) % keep_every == 0
    return kept
