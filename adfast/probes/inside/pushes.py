"""Pushes: what a model does when its stream is moved towards another belief of where the goal is.

Axes: N histories, T transitions, C cells, W channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.baselines.agents.room import DISPLACEMENTS, Room
from adfast.probes.inside.readouts import directions, place_of
from adfast.probes.inside.residual_streams import Streams, random_directions
from adfast.probes.inside.searches import Searches
from adfast.tasks.gridworlds.dark_room import DarkRoom

SIDES = ("up", "right", "down", "left")
MAX_MOMENTS = 30_000  # that a direction is found by


@dataclass(frozen=True)
class Effect:
    """By how much actions became more probable, `[N, T]` where it is `counted`.

    `own` is that of a push along the direction of the belief, `random` that of one as long.
    """

    own: np.ndarray
    random: np.ndarray
    counted: np.ndarray


def some_of(counted: np.ndarray) -> np.ndarray:
    """int64: at most `MAX_MOMENTS` of the flat places that are `counted`, evenly spread."""
    places = np.flatnonzero(counted)
    return places[np.linspace(0, len(places) - 1, min(len(places), MAX_MOMENTS)).astype(np.int64)]


def is_searching(found: Searches) -> np.ndarray:
    """bool `[N, T]`: moments before the first reward, but for the first of all."""
    return ~found.is_known & ~found.is_open.all(axis=-1)


def is_away(found: Searches) -> np.ndarray:
    """bool `[N, T]`: moments after the first reward in other cells than the goal."""
    return np.asarray(found.is_known & (found.cell != found.goal[:, None]))


def open_directions(found: Searches, stream: np.ndarray) -> np.ndarray:
    """float64 `[C, W]`: how the stream moves with each cell that may still be the goal."""
    some = some_of(is_searching(found))
    cells = found.is_open.shape[-1]
    targets = found.is_open.reshape(-1, cells)[some].astype(np.float64)
    return directions(moments(stream)[some], targets, found.cell.reshape(-1)[some], cells)


def goal_directions(found: Searches, stream: np.ndarray, size: int) -> np.ndarray:
    """float64 `[C, W]`: how the stream moves with the goal, once it is known."""
    some = some_of(is_away(found))
    if not len(some):
        return np.zeros((size * size, stream.shape[-1]))
    goal = np.broadcast_to(found.goal[:, None], found.cell.shape).reshape(-1)[some]
    cell = found.cell.reshape(-1)[some]
    lines = directions(moments(stream)[some], place_of(goal, size), cell, size * size)
    return np.asarray(place_of(np.arange(size * size), size) @ lines)


def moments(stream: np.ndarray) -> np.ndarray:
    """`[N T, W]`."""
    return stream.reshape(-1, stream.shape[-1])


def ahead(family: DarkRoom) -> tuple[np.ndarray, np.ndarray]:
    """int64 `[4]` and bool `[4, C, C]`: the moves, and from each cell the cells on that side."""
    moves = {family.move_label(action): action for action in range(family.num_actions)}
    rows, columns = np.divmod(np.arange(family.size**2), family.size)
    sides = []
    for side in SIDES:
        down, right = DISPLACEMENTS[side]
        line = rows * down + columns * right
        sides.append(line > line[:, None])
    return np.array([moves[side] for side in SIDES]), np.stack(sides)


def effect_of_open_cells(
    family: DarkRoom, streams: Streams, found: Searches, depth: int, toward: np.ndarray
) -> Effect:
    """While it searches: all cells on one side are held to be open, and then to be closed.

    The effect is the difference in the probability of the move to that side. The side goes round
    with the moments. `toward` are `open_directions`.
    """
    moves, on_side = ahead(family)
    side = np.add.outer(np.arange(len(found.goal)), np.arange(found.cell.shape[1])) % len(SIDES)
    cells = on_side[side, found.cell]
    opened = ((cells & ~found.is_open) @ toward).astype(np.float32)
    closed = -((cells & found.is_open) @ toward).astype(np.float32)
    drawn = random_directions(np.ones_like(opened))
    drawn /= np.linalg.norm(drawn, axis=-1, keepdims=True)
    lengths = [np.linalg.norm(push, axis=-1, keepdims=True) for push in (opened, -closed)]
    own, random = (
        chosen(streams.probabilities(depth, more), moves[side])
        - chosen(streams.probabilities(depth, less), moves[side])
        for more, less in (
            (opened, closed),
            (drawn * lengths[0], -drawn * lengths[1]),
        )
    )
    return Effect(own, random, is_searching(found) & cells.any(axis=-1))


def chosen(probabilities: np.ndarray, action: np.ndarray) -> np.ndarray:
    """float64 `[N, T]`: the probability of `action` `[N, T]`."""
    return np.take_along_axis(probabilities, action[..., None], axis=-1)[..., 0]


def effect_of_goal(
    room: Room, streams: Streams, found: Searches, depth: int, toward: np.ndarray
) -> Effect:
    """Once the goal is known: it is held to be in the cell across the room.

    The effect is on the probability of moves to that cell, where none of them leads to the goal.
    `toward` are `goal_directions`.
    """
    last = room.num_cells - 1
    other = np.where(2 * found.goal == last, 0, last - found.goal)
    push = (toward[other] - toward[found.goal]).astype(np.float32)[:, None]
    push = np.broadcast_to(push, (*found.cell.shape, push.shape[-1]))
    to_other, to_goal = (towards(room, found.cell, target) for target in (other, found.goal))
    before, own, random = (
        (streams.probabilities(depth, along) * to_other).sum(axis=-1)
        for along in (None, push, random_directions(push))
    )
    is_apart = ~(to_other & to_goal).any(axis=-1) & (found.cell != other[:, None])
    return Effect(own - before, random - before, is_away(found) & is_apart)


def towards(room: Room, cell: np.ndarray, target: np.ndarray) -> np.ndarray:
    """bool `[N, T, A]`: actions that lead from `cell` `[N, T]` nearer to `target` `[N]`."""
    targets = np.repeat(target, cell.shape[1])
    return room.towards(cell.reshape(-1), targets).reshape(*cell.shape, -1)
