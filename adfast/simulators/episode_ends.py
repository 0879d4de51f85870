"""What compiled loops make of the third value of `step`, by whether the family truncates episodes.

Most families only say whether a step terminated the episode; their loops hold nothing of the rest.
One that `truncates` returns 0, `BOUNDARY_TERMINATED` or, at a time limit of the task's own,
`BOUNDARY_TRUNCATED`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from numba import uint8
from numba.extending import register_jitable

from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED

CUT_OFF = 4  # the bit by which a task's own time limit is marked until `is_cut_off` reads it


class EpisodeEnds(NamedTuple):
    """Pure scalar functions of `ended`, the third value of a step.

    `is_terminal(ended)`: whether no value lies beyond it. `boundary(ended, is_last)`, where
    `is_last` says that the time limit of all tasks ends the episode anyway.
    In a batch, `mark(ended) -> uint8` is what the loop that steps leaves in `terminated[e]`, whose
    bit 0 says that it is terminal; `is_cut_off(terminated, e, is_last) -> uint8` reads it in the
    loop after that, and says whether a time limit ends the episode.
    """

    is_terminal: Callable[..., Any]
    boundary: Callable[..., Any]
    mark: Callable[..., Any]
    is_cut_off: Callable[..., Any]


def episode_ends(family: TaskFamily) -> EpisodeEnds:
    """The functions for the steps of `family`."""
    return ends_by_either() if family.truncates else ends_by_termination()


@cache
def ends_by_termination() -> EpisodeEnds:
    """Those of a family whose steps end episodes by terminating them alone."""

    @register_jitable
    def is_terminal(ended: Any) -> Any:
        return ended

    @register_jitable
    def boundary(ended: Any, is_last: Any) -> Any:
        if ended:
            return BOUNDARY_TERMINATED
        return BOUNDARY_TRUNCATED if is_last else BOUNDARY_INSIDE

    @register_jitable
    def mark(ended: Any) -> Any:
        return uint8(ended != 0)

    @register_jitable
    def is_cut_off(terminated: Any, e: Any, is_last: Any) -> Any:
        return uint8(uint8(is_last) & uint8(terminated[e] ^ uint8(1)))

    return EpisodeEnds(is_terminal, boundary, mark, is_cut_off)


@cache
def ends_by_either() -> EpisodeEnds:
    """Those of a family that truncates episodes, too."""

    @register_jitable
    def is_terminal(ended: Any) -> Any:
        return (ended != 0) & (ended != BOUNDARY_TRUNCATED)

    @register_jitable
    def boundary(ended: Any, is_last: Any) -> Any:
        if is_terminal(ended):
            return BOUNDARY_TERMINATED
        return BOUNDARY_TRUNCATED if ended or is_last else BOUNDARY_INSIDE

    @register_jitable
    def mark(ended: Any) -> Any:
        cut_off = uint8(uint8(ended == BOUNDARY_TRUNCATED) * uint8(CUT_OFF))
        return uint8(uint8(is_terminal(ended)) | cut_off)

    @register_jitable
    def is_cut_off(terminated: Any, e: Any, is_last: Any) -> Any:
        marks = terminated[e]
        terminated[e] = uint8(marks & uint8(CUT_OFF - 1))
        by_task = uint8(uint8(marks >> uint8(2)) & uint8(1))
        return uint8(uint8(uint8(is_last) | by_task) & uint8(uint8(marks & uint8(1)) ^ uint8(1)))

    return EpisodeEnds(is_terminal, boundary, mark, is_cut_off)
