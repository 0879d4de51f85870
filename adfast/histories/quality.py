"""How well learning histories learn: do their returns rise, and how steadily?

Algorithm Distillation copies what histories show, so one that does not improve teaches nothing.
Legend: H histories of a store, M episodes of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from adfast.errors import InvalidArgument
from adfast.histories.block import Block
from adfast.histories.schema import has_episodes
from adfast.histories.store import HistoryStore, open_store
from adfast.histories.writer import create
from adfast.tasks.fields import Field
from adfast.values import as_mask, require_kind

SHARE = 10  # the beginning and the end of a history are a tenth of its episodes each


@dataclass(frozen=True)
class HistoryQuality:
    """What became of each history, float64 `[H]`.

    `first` and `last` are the mean returns of the first and the last tenth of its episodes (at
    least one), `improvement` the difference. `steadiness` is Spearman's rank correlation of an
    episode's return with its number: 1 where every episode earns more than all before it, 0 where
    there is no trend, or one episode alone.
    """

    first: np.ndarray
    last: np.ndarray
    steadiness: np.ndarray

    @property
    def improvement(self) -> np.ndarray:
        """By how much the last episodes earn more than the first."""
        return np.asarray(self.last - self.first)

    def summary(self) -> dict[str, float]:
        """Means over the histories, and the share of them that improve."""
        return {
            "first_return": float(self.first.mean()),
            "last_return": float(self.last.mean()),
            "improving_share": float((self.improvement > 0).mean()),
            "steadiness": float(self.steadiness.mean()),
        }


def quality(store: HistoryStore) -> HistoryQuality:
    """How well each history of `store` learns.

    Episodes are those that are held: of thinned histories the ones that were kept, and one that was
    broken off counts as it is. Raises `InvalidArgument` where rows hold no rewards or do not say
    which step of an episode they are, and for no histories.
    """
    require_kind("store", store, HistoryStore, "a HistoryStore; adfast.histories.open gives one")
    fields = dict(store.schema.fields)
    if not has_returns(fields):
        raise InvalidArgument(
            'histories need an unsigned integer field "episode_step" and one number "reward" to be '
            f"judged, got {', '.join(fields)}"
        )
    if not store.num_histories:
        raise InvalidArgument("store must hold at least one history to be judged, got none")
    parts = [block_quality(block) for block in store.blocks]
    return HistoryQuality(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def has_returns(fields: Mapping[str, Field]) -> bool:
    """Whether rows of these fields hold one reward each, and say where episodes begin."""
    return has_episodes(fields) and "reward" in fields and not fields["reward"].shape


def select(store: HistoryStore, path: str | Path, keep: Any) -> HistoryStore:
    """The store in folder `path`, with those histories of `store` where `keep` (bool `[H]`) is.

    `select(store, path, quality(store).improvement > 0)` leaves out what did not learn. Metadata
    and description are those of `store`; `selected` is added, which says of what. Interrupted, it
    goes on when it is called again. Raises `InvalidArgument` unless there is a truth value for each
    history, and where all are false; `StoreError` where `path` holds others.
    """
    require_kind("store", store, HistoryStore, "a HistoryStore; adfast.histories.open gives one")
    keep = as_mask("keep", keep, store.num_histories)
    if not keep.any():
        raise InvalidArgument(
            f"keep must be true for at least one of {store.num_histories} histories, got none"
        )
    firsts = np.cumsum([0, *(block.num_histories for block in store.blocks)])
    kept = [
        (block, keep[first : first + block.num_histories])
        for block, first in zip(store.blocks, firsts, strict=False)
    ]
    kept = [(block, chosen) for block, chosen in kept if chosen.any()]
    chosen_of = {**store.identity, "kept": xxhash.xxh3_64_hexdigest(keep.tobytes())}
    description = {**store.description, "selected": chosen_of}
    with create(path, store.schema, num_blocks=len(kept), description=description) as writer:
        for number, (block, chosen) in enumerate(kept):
            if number not in writer.finished_blocks:
                lengths = np.diff(block.offsets)
                rows = np.repeat(chosen, lengths)
                arrays = block.take(rows)
                columns = {name: values[chosen] for name, values in block.columns.items()}
                writer.append_block(number, arrays, lengths[chosen], block.metadata | columns)
    return open_store(path)


def block_quality(block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First, last and steadiness of a block's histories; see `HistoryQuality`."""
    assert block.episode_starts is not None, "checked by the caller"
    starts = np.union1d(block.episode_starts.astype(np.int64), block.offsets[:-1])
    returns = np.add.reduceat(block.fields["reward"], starts, dtype=np.float64)
    history = np.searchsorted(block.offsets, starts, side="right") - 1
    counts = np.bincount(history, minlength=block.num_histories)
    episode = np.arange(len(starts)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = -(-counts // SHARE)

    def mean_of(chosen: np.ndarray) -> np.ndarray:
        sums = np.bincount(history[chosen], returns[chosen], minlength=block.num_histories)
        return np.asarray(sums / share)

    first = mean_of(episode < share[history])
    last = mean_of(episode >= (counts - share)[history])
    return first, last, rank_correlation(history, episode, returns, counts)


def rank_correlation(
    history: np.ndarray, episode: np.ndarray, returns: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """float64 `[H]`: Spearman's correlation of `returns` and `episode` (both `[M]`) by history.

    Equal returns share the mean of their ranks.
    """
    order = np.lexsort((returns, history))
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(history[order]) != 0) | (np.diff(returns[order]) != 0)
    group = np.cumsum(is_new) - 1
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(len(order))
    rank[order] = (np.bincount(group, place) / np.bincount(group))[group]

    middle = (counts - 1) / 2  # the mean of both
    by_rank, by_episode = rank - middle[history], episode - middle[history]

    def summed(products: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(history, products, minlength=len(counts)))

    scale = np.sqrt(summed(by_rank**2) * summed(by_episode**2))
    product = summed(by_rank * by_episode)
    return np.asarray(np.divide(product, scale, out=np.zeros(len(counts)), where=scale > 0))
