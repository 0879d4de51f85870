"""Pieces of foreign histories as rows of a store: boundaries, steps and next observations.

Legend: T transitions of a piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adfast.errors import InvalidArgument
from adfast.histories.interchange.foreign import Piece
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)
from adfast.values import fitted

Ends = Literal["limit", "terminated", "truncated"]


@dataclass
class EpisodeSteps:
    """Counts the steps of episodes through the pieces of one history."""

    next_step: int = 0  # of the next row
    has_begun: bool = False

    def of(self, piece: Piece) -> np.ndarray:
        """int64 `[T]`: the step of each row in its episode."""
        ended = ended_in(piece)
        number = np.arange(len(ended))
        begins = np.zeros(len(ended), np.int64)
        begins[1:] = np.where(ended[:-1], number[1:], 0)
        begins = np.maximum.accumulate(begins)
        steps = number - begins
        steps[begins == 0] += self.next_step
        if piece.episode_step is not None:
            steps = piece.episode_step.astype(np.int64)
        self.next_step = 0 if ended[-1] else int(steps[-1]) + 1
        self.has_begun = True
        return np.asarray(steps)

    def require_follow(self, piece: Piece) -> None:
        """Raise `InvalidArgument` where the steps that `piece`, the next one, gives do not count.

        A history may begin within an episode.
        """
        if piece.episode_step is None:
            return
        given = piece.episode_step
        expected = np.where(ended_in(piece), 0, given + 1)[:-1]
        first = self.next_step if self.has_begun else max(int(given[0]), 0)
        wrong = np.flatnonzero(given != np.concatenate([[first], expected]))
        if len(wrong):
            raise InvalidArgument(
                f"episode_step must count 0, 1, 2, ... in each episode, got {given[wrong[0]]} in "
                f"row {wrong[0]}; mend it, or leave it out to have steps counted"
            )


def ended_in(piece: Piece) -> np.ndarray:
    """bool `[T]`: whether each row ends its episode."""
    if piece.done is not None:
        return np.asarray(piece.done != 0)
    assert piece.terminated is not None, "or done is given"
    assert piece.truncated is not None, "or done is given"
    return np.asarray((piece.terminated != 0) | (piece.truncated != 0))


def boundaries(piece: Piece, steps: np.ndarray, schema: TransitionSchema, ends: Ends) -> np.ndarray:
    """uint8 `[T]`: the boundary of each row.

    Where data say only that an episode is done, `ends` says how: "limit" means by the time limit
    if it has as many steps as the longest, by the task if it has fewer. What was both terminated
    and truncated counts as terminated.
    """
    ended = ended_in(piece)
    if piece.done is None:
        is_terminated = np.asarray(piece.terminated != 0)
    elif ends == "limit":
        is_terminated = steps < schema.episode_length - 1
    else:
        is_terminated = np.full(len(ended), ends == "terminated")
    kinds = np.where(is_terminated, BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED)
    return np.where(ended, kinds, BOUNDARY_INSIDE).astype(np.uint8)


def as_rows(
    pieces: Iterable[Piece], schema: TransitionSchema, ends: Ends
) -> Iterator[dict[str, np.ndarray]]:
    """The fields of one history, piece by piece; raises `InvalidArgument` for what does not fit.

    A next observation that the data do not have is the observation of the next row inside of an
    episode; at its end the last observation stands for it.
    """
    steps = EpisodeSteps()
    held: tuple[dict[str, np.ndarray], Piece] | None = None
    for piece in pieces:
        rows = own_rows(piece, steps.of(piece), schema, ends)
        if held is not None:
            yield continued(*held, schema, rows["observation"][:1])
        held = rows, piece
    if held is not None:
        yield continued(*held, schema, None)


def own_rows(
    piece: Piece, steps: np.ndarray, schema: TransitionSchema, ends: Ends
) -> dict[str, np.ndarray]:
    """All fields of a piece but the next observations."""
    count = len(steps)
    given = {
        "observation": piece.observation.reshape(count, *schema.observation.stored.shape),
        "action": piece.action,
        "reward": piece.reward,
        "boundary": boundaries(piece, steps, schema, ends),
        "episode_step": steps,
    }
    if piece.label is not None and schema.labelled:
        given["label"] = piece.label
    rows = {}
    for name, values in given.items():
        field = schema.fields[name]
        shape = (count, *field.shape)
        rows[name] = fitted(name, values, field.dtype, shape, sizes=field.sizes)
    return rows


def continued(
    rows: dict[str, np.ndarray],
    piece: Piece,
    schema: TransitionSchema,
    following: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """`rows` of `piece` with their next observations, before `following` `[1, *item]`, if any."""
    observation = rows["observation"]
    field = schema.observation.stored
    if piece.next_observation is not None:
        given = piece.next_observation.reshape(observation.shape)
        following_each = fitted(
            "next_observation", given, field.dtype, given.shape, sizes=field.sizes
        )
    else:
        after = observation[-1:] if following is None else following
        following_each = np.concatenate([observation[1:], after])
        if piece.kept_rows is None:
            is_end = rows["boundary"] != BOUNDARY_INSIDE
            following_each[is_end] = observation[is_end]
        elif piece.kept_next is not None:
            shape = (len(piece.kept_rows), *field.shape)
            kept = piece.kept_next.reshape(shape)
            following_each[piece.kept_rows] = fitted(
                "next_observation", kept, field.dtype, shape, sizes=field.sizes
            )
    complete = {**rows, "next_observation": following_each}
    return {name: complete[name] for name in schema.fields}
