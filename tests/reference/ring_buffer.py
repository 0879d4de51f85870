"""Plain-Python twin of the ring buffer and of sampling: lists of rows and unbounded integers.

It keeps every row ever appended and works out what a ring of the given capacity still holds. A
store is the same with lanes that are never full.
"""

from __future__ import annotations

import numpy as np

from reference.random_streams import GOLDEN_64, WORD_64, mix64

TILE_ROWS = 64  # appended rows become visible so many at a time


def splitmix(stream, index):
    """Output `index` of the SplitMix64 generator in state `stream`."""
    return mix64(stream + (index + 1) * GOLDEN_64 & WORD_64)


def scale(bits, bound):
    return bits * bound >> 64


class History:
    def __init__(self, number, lane, first_row):
        self.number = number
        self.lane = lane
        self.first_row = first_row  # of the lane
        self.rows = []  # dicts name -> item


class RingBufferReference:
    def __init__(self, fields, num_lanes, capacity):
        self.fields = fields
        self.capacity = capacity
        self.lanes = [[] for _ in range(num_lanes)]  # the histories of each lane
        self.num_rows = [0] * num_lanes
        self.histories = []
        self.staged = []

    def append(self, arrays, starts=None):
        self.staged.append((arrays, starts))
        if len(self.staged) == min(TILE_ROWS, self.capacity):
            self.flush()

    def flush(self):
        for arrays, starts in self.staged:
            for lane in range(len(self.lanes)):
                row = {name: array[lane].copy() for name, array in arrays.items()}
                self.add_row(lane, row, starts is not None and starts[lane])
        self.staged = []

    def append_block(self, lanes, arrays, lengths=None, starts=True):
        self.flush()
        for i, lane in enumerate(lanes):
            starts_here = starts if isinstance(starts, bool) else starts[i]
            length = next(iter(arrays.values())).shape[1] if lengths is None else lengths[i]
            for t in range(length):
                row = {name: array[i, t].copy() for name, array in arrays.items()}
                self.add_row(lane, row, t == 0 and starts_here)

    def add_row(self, lane, row, starts):
        if starts or not self.lanes[lane]:
            history = History(len(self.histories), lane, self.num_rows[lane])
            self.histories.append(history)
            self.lanes[lane].append(history)
        self.lanes[lane][-1].rows.append(row)
        self.num_rows[lane] += 1

    def first_held(self, history):
        """The offset in the history of the first row that the ring still holds."""
        oldest = max(0, self.num_rows[history.lane] - self.capacity)
        return max(0, oldest - history.first_row)

    def num_held(self):
        """(histories, transitions) held."""
        counts = [len(history.rows) - self.first_held(history) for history in self.histories]
        held = [count for count in counts if count > 0]
        return len(held), sum(held)

    def candidates(self, length, align="step", evicted=0, committed=None):
        """(history, offset) of every window, in order."""
        return [
            (history, offset)
            for history in self.histories[evicted:committed]
            for offset in range(self.first_held(history), len(history.rows) - length + 1)
            if align == "step" or history.rows[offset]["episode_step"] == 0
        ]

    def sample(self, batch_size, length, *, seed, draw, first_row=0, **among):
        """`among` are the arguments of `candidates`."""
        candidates = self.candidates(length, **among)
        stream = splitmix(splitmix(splitmix(0, seed), draw), 0)
        drawn = []
        for row in range(first_row, first_row + batch_size):
            bits = splitmix(splitmix(stream, row), 0)
            drawn.append(candidates[scale(bits, len(candidates))])
        return self.stack([[(history, offset, length)] for history, offset in drawn])

    def sample_packed(self, batch_size, length, *, seed, draw, first_row=0, **among):
        candidates = self.candidates(1, **among)
        first_offsets = {}
        for history, offset in candidates:
            first_offsets.setdefault(history.number, offset)
        held = list(first_offsets)
        stream = splitmix(splitmix(splitmix(0, seed), draw), 0)
        rows = []
        for row in range(first_row, first_row + batch_size):
            pieces, left, number = [], length, 0
            while left > 0:
                bits = splitmix(splitmix(stream, row), number)
                if number == 0:
                    history, offset = candidates[scale(bits, len(candidates))]
                else:
                    history = self.histories[held[scale(bits, len(held))]]
                    offset = first_offsets[history.number]
                count = min(left, len(history.rows) - offset)
                pieces.append((history, offset, count))
                left -= count
                number += 1
            rows.append(pieces)
        return self.stack(rows)

    def stack(self, rows):
        """A batch from each row's (history, offset, count), with positions of every token."""
        batch = {name: [] for name in self.fields}
        extra = {"document_start": [], "history_index": [], "history_offset": []}
        for pieces in rows:
            start = 0
            tokens = []
            for history, offset, count in pieces:
                for i in range(count):
                    tokens.append((start, history.number, offset + i, history.rows[offset + i]))
                start += count
            for name, values in batch.items():
                values.append([token[3][name] for token in tokens])
            for column, values in enumerate(extra.values()):
                values.append([token[column] for token in tokens])
        return {name: np.array(values) for name, values in (batch | extra).items()}
