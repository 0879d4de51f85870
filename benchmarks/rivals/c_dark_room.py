"""Dark Room in plain C (`dark_room.c`), compiled by the machine's own compiler when it is timed.

Legend: T steps, E environments.
"""

from __future__ import annotations

import ctypes
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.contest import require_equal
from benchmarks.engine import DarkRoom
from benchmarks.pair_timer import Contender
from benchmarks.rivals.c_compiler import compile_source
from benchmarks.rivals.optional import Rival
from benchmarks.rivals.twins import twin_room

SOURCE = Path(__file__).with_name("dark_room.c")
CHECKED_ENVIRONMENTS = 100


class CompiledRooms:
    """E rooms of `family`, one for each of `task_ids`; `step` overwrites the arrays of results."""

    def __init__(self, functions: ctypes.CDLL, family: DarkRoom, task_ids: np.ndarray) -> None:
        count = len(task_ids)
        functions.make_rooms.restype = ctypes.c_void_p
        self.observation, self.final_observation = np.zeros((2, count, 2), np.uint8)
        self.reward, self.terminated, self.truncated = np.zeros((3, count), np.uint8)
        results = (
            self.observation,
            self.final_observation,
            self.reward,
            self.terminated,
            self.truncated,
        )
        self._ids = np.ascontiguousarray(task_ids, np.int64)
        self._rooms = ctypes.c_void_p(
            functions.make_rooms(
                ctypes.c_int64(count),
                pointer(self._ids),
                ctypes.c_int(family.size),
                ctypes.c_int(family.episode_length),
                *map(pointer, results),
            )
        )
        self._count = ctypes.c_int64(count)
        self._functions = functions

    def reset(self) -> None:
        """Begin an episode everywhere."""
        self._functions.reset_rooms(self._rooms, self._count)

    def step(self, actions: ctypes.c_void_p) -> None:
        """Step with int64 `[E]` at `actions`."""
        self._functions.step_rooms(self._rooms, self._count, actions)

    def __del__(self) -> None:
        self._functions.free_rooms(self._rooms)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """Where its data begin; the array must live as long as it is used."""
    return ctypes.c_void_p(array.ctypes.data)


def step_rivals(family: DarkRoom, task_ids: np.ndarray, actions: np.ndarray) -> list[Rival]:
    """The loop in C with `actions` int64 `[T, E]`, if there is a compiler."""
    functions = compile_source(SOURCE)
    if functions is None:
        return []
    rooms = CompiledRooms(functions, family, task_ids)
    rooms.reset()
    rows = [pointer(row) for row in actions]

    def call() -> None:
        for row in rows:
            rooms.step(row)

    return [
        Rival(
            Contender("C, one struct per environment", call, actions.size),
            partial(check, functions, family, task_ids, actions),
        )
    ]


def check(
    functions: ctypes.CDLL, family: DarkRoom, task_ids: np.ndarray, actions: np.ndarray
) -> None:
    """Raise `NotEquivalent` unless every step leads where the definition says."""
    ids, chosen = task_ids[:CHECKED_ENVIRONMENTS], actions[:, :CHECKED_ENVIRONMENTS].copy()
    compiled = CompiledRooms(functions, family, ids)
    plain = [twin_room(family.name)(int(task_id)) for task_id in ids]
    compiled.reset()
    require_equal("C: first observation", compiled.observation, [room.reset() for room in plain])
    for row in chosen:
        compiled.step(pointer(row))
        stepped = [room.step(int(action)) for room, action in zip(plain, row, strict=True)]
        final, reward, terminated, truncated = map(np.array, zip(*stepped, strict=True))
        ended = terminated | truncated
        now = final.copy()
        for index in np.flatnonzero(ended):
            now[index] = plain[index].reset()
        require_equal("C: observation", compiled.observation, now)
        require_equal("C: final observation", compiled.final_observation[ended], final[ended])
        require_equal("C: reward", compiled.reward, reward)
        require_equal("C: terminated", compiled.terminated, terminated)
        require_equal("C: truncated", compiled.truncated, truncated)
