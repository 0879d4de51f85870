"""What a recording keeps of large next observations, in files beside those of its rows.

A row's next observation is kept once the next row of its environment shows another, where it ends
an episode, and where the recording ends. Its item is written at once, its place (row, environment)
before the row itself is flushed: a place that a killed process left is that of an item.

Legend: N histories that grow together, T steps, K items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adfast.histories.next_items import CONTINUED, FOLLOWED, KeptItems, as_bytes
from adfast.tasks.fields import Field
from adfast.tasks.transition_schema import BOUNDARY_INSIDE

ITEMS_NAME = f"{CONTINUED}.items"
PLACES_NAME = f"{CONTINUED}.places"
PLACE = Field(np.dtype(np.int64), (2,))  # row, environment

WriteRows = Callable[[str, np.ndarray, int], None]


class Pending(NamedTuple):
    """What of each history's newest transition is not kept yet; replaced as a whole."""

    row: np.ndarray  # int64 [N]; -1 where nothing waits
    item: np.ndarray  # [N, *item]
    num_kept: int  # items before


class NextItemsLog:
    """The files of kept next observations of one recording.

    It holds nothing that an interrupted call could leave half changed: what counts is the `Pending`
    that is handed in and back.
    """

    def __init__(self, folder: Path, field: Field, num_histories: int, write: WriteRows) -> None:
        self.paths = (str(folder / ITEMS_NAME), str(folder / PLACES_NAME))
        self._write = write
        self._places: list[tuple[int, int]] = []
        self._num_flushed = 0
        items = np.zeros((num_histories, *field.shape), field.dtype)
        self.none = Pending(np.full(num_histories, -1), items, 0)

    def add(
        self, number: int, rows: Mapping[str, np.ndarray], counts: np.ndarray, pending: Pending
    ) -> Pending:
        """After row `number` of every history, which counts where `counts` (bool `[N]`)."""
        waiting = counts & (pending.row >= 0)
        differs = (as_bytes(pending.item) != as_bytes(rows[FOLLOWED])).any(axis=1)
        kept = self.keep(waiting & differs, pending)
        row, item = np.where(counts, number, kept.row), rows[CONTINUED].copy()
        if not counts.all():
            item[~counts] = kept.item[~counts]
        ends = counts & (rows["boundary"] != BOUNDARY_INSIDE)
        return self.keep(ends, Pending(row, item, kept.num_kept))

    def keep(self, mask: np.ndarray, pending: Pending) -> Pending:
        """After what waits in `mask` (bool `[N]`) has been kept."""
        (which,) = np.nonzero(mask & (pending.row >= 0))
        if not which.size:
            return pending
        self._write(self.paths[0], pending.item[which], pending.num_kept)
        del self._places[pending.num_kept :]  # of a call that was interrupted
        self._places += zip(pending.row[which].tolist(), which.tolist(), strict=True)
        row = pending.row.copy()
        row[which] = -1
        return Pending(row, pending.item, pending.num_kept + len(which))

    def flush(self, pending: Pending) -> None:
        """Hand the places of all that is kept to the operating system."""
        places = self._places[self._num_flushed : pending.num_kept]
        if places:
            self._write(self.paths[1], np.array(places, PLACE.dtype), self._num_flushed)
        self._num_flushed = pending.num_kept


class RecordedItems(NamedTuple):
    """Where the kept next observations of some histories are, in the files of a recording."""

    place: np.ndarray  # int64 [N, T]: number of the item, -1 where a row keeps none
    items: np.ndarray  # [K, *item]

    def of(self, keep: np.ndarray) -> KeptItems:
        """What is kept of the rows `keep` (bool `[N, T]`), which come to lie back to back.

        Raises `ValueError` where the last of a history is not among them.
        """
        place = self.place[keep]
        counts = keep.sum(axis=1)
        if (place[np.cumsum(counts)[counts > 0] - 1] < 0).any():
            raise ValueError("the next observation of a history's last transition is missing")
        rows = np.flatnonzero(place >= 0)
        return KeptItems(rows.astype(np.uint64), self.items[place[rows]])


def map_items(folder: Path, field: Field, part: slice, steps: int) -> RecordedItems:
    """The kept next observations of the histories `part` in their first `steps` rows."""
    places = np.fromfile(folder / PLACES_NAME, PLACE.dtype)
    places = places[: len(places) // 2 * 2].reshape(-1, 2)
    count = min(len(places), (folder / ITEMS_NAME).stat().st_size // field.item_bytes)
    row, environment = places[:count].T
    is_here = (row < steps) & (environment >= part.start) & (environment < part.stop)
    place = np.full((part.stop - part.start, steps), -1)
    place[environment[is_here] - part.start, row[is_here]] = np.flatnonzero(is_here)
    path, shape = folder / ITEMS_NAME, (count, *field.shape)
    items = (
        np.memmap(path, field.dtype, "r", shape=shape) if count else np.zeros(shape, field.dtype)
    )
    return RecordedItems(place, items)
