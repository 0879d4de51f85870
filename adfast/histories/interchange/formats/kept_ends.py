"""KeptEnds: the next observations that the row after does not show, for layouts without them.

Foreign layouts keep one observation for each transition. Inside of an episode the next one is that
of the row after; what came of an episode's last action is kept beside, with the rows that it is of.

Legend: T rows of a piece, K of them keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from adfast.errors import ForeignDataError
from adfast.histories.next_items import as_bytes


class KeptEnds:
    """Hands out what is kept, piece by piece, of a table `row`, `item` in increasing rows."""

    def __init__(self, table: Iterator[Mapping[str, np.ndarray]]) -> None:
        self._table = table
        self._row = np.zeros(0, np.int64)
        self._item: np.ndarray | None = None
        self._begin = 0  # of the next piece
        self._has_more = True

    def within(self, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows in the next piece of `count` rows, counted from its first, and their items, if any.

        Raises `ForeignDataError`.
        """
        end = self._begin + count
        while self._has_more and (not len(self._row) or self._row[-1] < end):
            part = next(self._table, None)
            if part is None:
                self._has_more = False
                break
            row, item = np.asarray(part["row"]).reshape(-1), np.asarray(part["item"])
            if row.dtype.kind not in "iu" or (np.diff(row.astype(np.int64)) <= 0).any():
                raise ForeignDataError("rows of kept next observations must be increasing numbers")
            self._row = np.concatenate([self._row, row.astype(np.int64)])
            self._item = item if self._item is None else np.concatenate([self._item, item])
        here = int(np.searchsorted(self._row, end))
        row, self._row = self._row[:here] - self._begin, self._row[here:]
        items: np.ndarray | None = None
        if self._item is not None:
            items, self._item = self._item[:here], self._item[here:]
        self._begin = end
        return row, items

    @staticmethod
    def choose(
        rows: Mapping[str, np.ndarray], following: Mapping[str, np.ndarray] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[K]` and `[K, *item]`: what is kept of `rows`, before the piece `following`.

        Of a history's last row it is always kept.
        """
        shown, continued = rows["observation"], rows["next_observation"]
        differs = np.ones(len(shown), bool)
        differs[:-1] = (as_bytes(continued)[:-1] != as_bytes(shown)[1:]).any(axis=1)
        if following is not None:
            last, after = continued[-1:], following["observation"][:1]
            differs[-1] = (as_bytes(last) != as_bytes(after)).any()
        return np.flatnonzero(differs), continued[differs]
