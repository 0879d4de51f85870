"""Histories that say something else than what happened, for who asks what is learned from them.

Both stores are in memory, made when histories are read; what is not changed stays mapped. What is
drawn is a function of (seed, number of the history). Twin: `tests/reference/rearranged.py`.

Legend: H histories, M episodes and N transitions of a block.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adfast import random_streams
from adfast.errors import InvalidArgument
from adfast.histories.block import Block
from adfast.histories.schema import EPISODE_STEP, has_episodes
from adfast.histories.store import HistoryStore

TASK_ID = "task_id"  # of a collected history


def shuffled_episodes(store: HistoryStore, seed: int) -> HistoryStore:
    """`store` with the episodes of each history in an order drawn for it, each episode whole.

    Raises `InvalidArgument` where rows do not say which step of an episode they are.
    """
    if not has_episodes(dict(store.schema.fields)):
        raise InvalidArgument(
            'histories need an unsigned integer field "episode_step" for their episodes to be '
            f"shuffled, got {', '.join(store.schema.fields)}"
        )
    blocks, first = [], 0
    for block in store.blocks:
        rows = shuffled_rows(block, seed, first)
        fields = block.take(rows)
        starts = np.flatnonzero(fields[EPISODE_STEP] == 0).astype(np.uint64)
        blocks.append(replace(block, fields=fields, episode_starts=starts, kept_rows=None))
        first += block.num_histories
    return store.with_blocks(blocks)


def shuffled_rows(block: Block, seed: int, first: int) -> np.ndarray:
    """int64 `[N]`: the row that comes to each place; the block's first history is number `first`.

    Episodes are sorted by the keys of their numbers in the history's random stream.
    """
    assert block.episode_starts is not None, "checked by the caller"
    start = np.union1d(block.episode_starts.astype(np.int64), block.offsets[:-1])
    length = np.diff(start, append=block.num_transitions)
    history = np.searchsorted(block.offsets, start, side="right") - 1
    episode = np.arange(len(start)) - np.searchsorted(history, history)
    streams = np.arange(first, first + block.num_histories)
    offset, mask = random_streams.stream_keys(seed, random_streams.EPISODE_ORDER, streams)
    order = np.lexsort((random_streams.keys_at(offset[history], mask[history], episode), history))
    placed = np.cumsum(length[order]) - length[order]
    rows: np.ndarray = np.repeat(start[order] - placed, length[order])
    return rows + np.arange(block.num_transitions)


def foreign_rewards(store: HistoryStore, seed: int) -> HistoryStore:
    """`store` with the rewards of each history replaced, row by row, by those of another task's.

    Which history gives them is drawn from all of other tasks; one that is shorter begins again.
    Raises `InvalidArgument` where histories are not of two tasks at least, or none is known.
    """
    if TASK_ID not in store.metadata:
        raise InvalidArgument(
            f'rewards of another task need histories whose metadata have "{TASK_ID}", got '
            f"{', '.join(store.metadata)}; collect them, or record it"
        )
    donor = foreign_histories(store.metadata[TASK_ID], seed)
    blocks, first = [], 0
    for block in store.blocks:
        rewards = [
            store.history(int(donor[first + number]), ("reward",))["reward"]
            for number in range(block.num_histories)
        ]
        lengths = np.diff(block.offsets)
        taken = [
            given[np.arange(length) % len(given)]
            for given, length in zip(rewards, lengths, strict=True)
        ]
        blocks.append(replace(block, fields=block.fields | {"reward": np.concatenate(taken)}))
        first += block.num_histories
    return store.with_blocks(blocks)


def foreign_histories(task_id: np.ndarray, seed: int) -> np.ndarray:
    """int64 `[H]`: for each history the number of one of another task, all equally likely."""
    _, task, counts = np.unique(task_id, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise InvalidArgument(
            "rewards of another task need histories of at least two tasks, got one; train on more"
        )
    by_task = np.argsort(task, kind="stable")
    own_first = np.cumsum(counts) - counts
    streams = np.arange(len(task))
    offset, mask = random_streams.stream_keys(seed, random_streams.FOREIGN_REWARDS, streams)
    keys = random_streams.keys_at(offset, mask, np.zeros(len(task), np.uint32))
    others = (len(task) - counts[task]).astype(np.uint64)
    # As `random_draws.bounded`: the upper half of a product of words.
    place = (keys.astype(np.uint64) * others >> np.uint64(32)).astype(np.int64)
    place += np.where(place >= own_first[task], counts[task], 0)
    donors: np.ndarray = by_task[place]
    return donors
