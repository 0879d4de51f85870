"""The puzzles of Keys and Boxes: how they are drawn, what a key leads to, and where it was lost.

Legend: N puzzles or episodes, B boxes and colours, L keys that lie in the room, T steps. The key of
colour c opens box c. Keys of colours 0 .. L - 1 lie in the room, the others in boxes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adfast.random_streams import TASK_CONTENT, keys_at, stream_keys

COLOURS = ("red", "green", "blue", "yellow", "violet", "orange")
# What a box holds; KEY + c is the key of colour c.
NOTHING, REWARD, KEY = range(3)


class Puzzles(NamedTuple):
    """Where keys `[N, L]` and boxes `[N, B]` lie, as row * size + column, and what boxes hold."""

    keys: np.ndarray
    boxes: np.ndarray
    contents: np.ndarray


def drawn_puzzles(
    task_ids: np.ndarray, num_cells: int, boxes: int, boxed_keys: int, rewards: int
) -> Puzzles:
    """The puzzles `task_ids`, each drawn from its own random stream, all of which can be solved.

    All lie in cells of their own. A boxed key lies in a box whose key is another one, lying in the
    room or boxed before; so no key is locked away for good.
    """
    lying = boxes - boxed_keys
    words = stream_keys(0, TASK_CONTENT, task_ids)

    def drawn(step: int, bound: int) -> np.ndarray:
        keys = keys_at(*words, np.full(len(task_ids), step)).astype(np.uint64)
        return (keys * np.uint64(bound) >> np.uint64(32)).astype(np.int64)

    things = lying + boxes
    cells = distinct_cells([drawn(n, num_cells - n) for n in range(things)])
    contents = np.full((len(task_ids), boxes), NOTHING)
    for n in range(boxed_keys):  # boxes 0 .. lying + n - 1 come before, n of which hold a key
        box = nth_free(contents[:, : lying + n], drawn(things + n, lying))
        contents[np.arange(len(task_ids)), box] = KEY + lying + n
    for n in range(rewards):
        box = nth_free(contents, drawn(things + boxed_keys + n, lying - n))
        contents[np.arange(len(task_ids)), box] = REWARD
    return Puzzles(cells[:, :lying], cells[:, lying:], contents)


def distinct_cells(draws: list[np.ndarray]) -> np.ndarray:
    """int64 `[N, things]`: no two alike in a row; draw n `[N]` counts the cells still free."""
    taken: np.ndarray = np.empty((len(draws[0]), 0), np.int64)
    cells = []
    for cell in draws:
        for occupied in np.sort(taken, axis=1).T:
            cell = cell + (cell >= occupied)
        cells.append(cell)
        taken = np.stack(cells, axis=1)
    return taken


def nth_free(contents: np.ndarray, count: np.ndarray) -> np.ndarray:
    """int64 `[N]`: of the boxes `[N, B]` that hold nothing, number `count` `[N]`."""
    is_free = contents == NOTHING
    is_that = is_free & (np.cumsum(is_free, axis=1) == count[:, None] + 1)
    return np.asarray(np.argmax(is_that, axis=1), np.int64)


def worth_of_keys(contents: np.ndarray) -> np.ndarray:
    """int64 `[N, 1 + B]`: the rewards that holding nothing, or a key of each colour, leads to."""
    num_puzzles, boxes = contents.shape
    worth = np.zeros((num_puzzles, 1 + boxes), np.int64)
    for box in reversed(range(boxes)):  # a boxed key opens a box of a higher number
        inside = contents[:, box]
        further = worth[np.arange(num_puzzles), np.maximum(inside - KEY + 1, 0)]
        worth[:, 1 + box] = (inside == REWARD) + further
    return worth


def has_lost_worth(puzzles: Puzzles, entered: np.ndarray) -> np.ndarray:
    """bool `[N]`: whether a key that led to a reward was lost; `entered` `[N, T]` are the cells.

    Nothing else loses anything: who still has the keys, or can still take them, can use them one
    after the other, given the time.
    """
    rows = np.arange(len(entered))
    worth = worth_of_keys(puzzles.contents)
    held = np.zeros(len(entered), np.int64)
    is_taken = np.zeros(puzzles.keys.shape, bool)
    lost = np.zeros(len(entered), bool)
    for cell in entered.T:
        for colour, key in enumerate(puzzles.keys.T):
            takes = (cell == key) & ~is_taken[:, colour]
            lost |= takes & (worth[rows, held] > 0)
            held = np.where(takes, 1 + colour, held)
            is_taken[:, colour] |= takes
        for colour, box in enumerate(puzzles.boxes.T):
            opens = (cell == box) & (held == 1 + colour)
            held = np.where(opens, np.maximum(puzzles.contents[:, colour] - 1, 0), held)
    return lost
