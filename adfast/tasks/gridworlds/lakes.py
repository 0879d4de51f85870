"""The maps of Frozen Lake: how they are drawn, and kept in words.

Legend: N lakes, C cells in the order of their rows; the start is the first cell, the goal the last.
"""

from __future__ import annotations

import numpy as np

from adfast.random_streams import TASK_CONTENT, step_keys, stream_keys

WORD_BITS = 32
# The maps that Gymnasium ships: start, frozen cells, holes, goal.
GYMNASIUM_MAPS = {
    4: "SFFF FHFH FFFH HFFG",
    8: "SFFFFFFF FFFFFFFF FFFHFFFF FFFFFHFF FFFHFFFF FHHFFFHF FHFFHFHF FFFHFFFG",
}
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # left, down, right, up, as Gymnasium numbers them


def gymnasium_holes(size: int) -> np.ndarray:
    """bool `[C]`: the holes of Gymnasium's map of `size` x `size` cells."""
    return np.array([letter == "H" for letter in GYMNASIUM_MAPS[size].replace(" ", "")])


def drawn_holes(task_ids: np.ndarray, size: int, frozen_probability: float) -> np.ndarray:
    """bool `[N, C]`: the holes of the lakes `task_ids`, all of which can be crossed.

    As Gymnasium's `generate_random_map` does, a map is drawn again until it can be: attempt a reads
    steps a * C .. of the lake's own stream.
    """
    num_cells = size * size
    offsets, masks = (words.tolist() for words in stream_keys(0, TASK_CONTENT, task_ids))
    holes = np.ones((len(task_ids), num_cells), bool)
    pending = list(range(len(task_ids)))
    first_step = 0
    while pending:
        keys = [step_keys((offsets[n] + first_step) % 2**32, masks[n], num_cells) for n in pending]
        drawn = (np.array(keys) >> np.uint32(8)) * 2.0**-24 >= frozen_probability
        drawn[:, [0, -1]] = False
        holes[pending] = drawn
        is_crossed = can_be_crossed(drawn, size)
        pending = [n for n, crossed in zip(pending, is_crossed, strict=True) if not crossed]
        first_step += num_cells
    return holes


def can_be_crossed(holes: np.ndarray, size: int) -> np.ndarray:
    """bool `[N]`: whether a path over frozen cells leads from start to goal."""
    after = cells_after_moves(size)
    reached = np.zeros(holes.shape, bool)
    reached[:, 0] = True
    while True:
        further = reached | reached[:, after].any(axis=1) & ~holes  # every move has its way back
        if np.array_equal(further, reached):
            return reached[:, -1]
        reached = further


def cells_after_moves(size: int) -> np.ndarray:
    """int64 `[4, C]`: the cell that each move leads to from each cell; moves end at the walls."""
    rows, columns = np.divmod(np.arange(size * size), size)
    return np.array(
        [
            (rows + down).clip(0, size - 1) * size + (columns + right).clip(0, size - 1)
            for down, right in MOVES
        ]
    )


def words_of(holes: np.ndarray) -> np.ndarray:
    """int32 `[N, words]`: bit c % 32 of word c // 32 says whether cell c is a hole."""
    packed = np.packbits(holes, axis=1, bitorder="little")
    padding = -packed.shape[1] % (WORD_BITS // 8)
    return np.pad(packed, ((0, 0), (0, padding))).view("<i4").astype(np.int32)
