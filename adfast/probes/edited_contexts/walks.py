"""Walks through a room that enter two given cells once each, and a third one never.

So one and the same walk is a legal history of three tasks: of the first two it holds one reward,
in another place, and of the third none. Who walks goes from one cell to the next within a part of
the room, another part in each walk, and in each of two episodes over one of the two cells.

Axes: N walks, E episodes, S steps of an episode, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.baselines.agents.room import Room, room_of
from adfast.errors import InvalidArgument
from adfast.random_streams import CONTEXT_WALK, keys_at, stream_keys
from adfast.tasks.gridworlds.dark_room import DarkRoom

NOISE = 0.3  # the probability of any step that is allowed, in place of one that leads on
SLACK = 4  # steps to spare; with fewer, a walk goes straight to the cell that it has to enter
MOST_ATTEMPTS = 64
DRAWS = 4  # of a step, at most
REACH = 3  # steps from the middle of a walk's part of the room to its edge
INTEGERS_OF_KEYS = 2.0**32


@dataclass(frozen=True)
class Walks:
    """`actions` uint8 `[N, E, S]`, and the cells int64 `[N, E, S]` that they `entered`.

    `shown_in` int64 `[N, 2]` are the episodes in which the first and the second cell are entered.
    With the actions at `swapped` int64 `[N]` (of all E * S) and behind it exchanged, a walk takes
    another way between two cells, in an episode that enters neither cell, and is the same
    otherwise.
    """

    actions: np.ndarray
    entered: np.ndarray
    shown_in: np.ndarray
    swapped: np.ndarray

    def take_over(self, rows: np.ndarray, others: Walks, of: np.ndarray) -> None:
        """Put the walks `of` (bool) others at `rows` (int)."""
        for mine, theirs in zip(vars(self).values(), vars(others).values(), strict=True):
            mine[rows] = theirs[of]


def walk(
    family: DarkRoom, cells: np.ndarray, streams: np.ndarray, seed: int, episodes: int
) -> Walks:
    """Walks over the first two of `cells` int64 `[N, 3]` and never the third, by `streams` `[N]`.

    Raises `InvalidArgument` where there is no such walk.
    """
    room = room_of("a walk", family, family.transition_schema)
    offset, mask = stream_keys(seed, CONTEXT_WALK, streams)
    missing, found = np.arange(len(cells)), None
    for attempt in range(MOST_ATTEMPTS):
        first = attempt * DRAWS * episodes * (family.episode_length + 1)
        draws = Draws(offset[missing], mask[missing], first)
        tried, is_good = try_walks(room, family, cells[missing], draws, episodes)
        if found is None:
            found = tried
        found.take_over(missing[is_good], tried, is_good)
        missing = missing[~is_good]
        if not missing.size:
            return found
    raise InvalidArgument(
        f"the probe needs walks of {episodes} episodes of {family.episode_length} steps that enter "
        f"two cells once each, and found none over {cells[missing[0], :2].tolist()} of "
        f"{family.name} of size {family.size}; make the episodes longer or the room larger"
    )


class Draws:
    """Random numbers of N streams, one after the other."""

    def __init__(self, offset: np.ndarray, mask: np.ndarray, first: int) -> None:
        self._keys, self._step = (offset, mask), first

    def uniform(self) -> np.ndarray:
        """float64 `[N]` in [0, 1)."""
        steps = np.full(len(self._keys[0]), self._step, np.uint32)
        self._step += 1
        return np.asarray(keys_at(*self._keys, steps) / INTEGERS_OF_KEYS)

    def below(self, bound: int) -> np.ndarray:
        """int64 `[N]` below `bound`."""
        return np.asarray((self.uniform() * bound).astype(np.int64))

    def one_of(self, allowed: np.ndarray) -> np.ndarray:
        """int64 `[N]`: one that is `allowed` (bool `[N, A]`), each as likely; 0 where none is."""
        place = (self.uniform() * allowed.sum(axis=1)).astype(np.int64)
        return np.asarray((np.cumsum(allowed, axis=1) > place[:, None]).argmax(axis=1))


def try_walks(
    room: Room, family: DarkRoom, cells: np.ndarray, draws: Draws, episodes: int
) -> tuple[Walks, np.ndarray]:
    """Walks, and bool `[N]`: which of them are what they are to be."""
    everyone, steps = np.arange(len(cells)), family.episode_length
    row, column = family.start_cell or (0, 0)
    start = row * family.size + column
    last, before = np.array([episodes - 1, episodes - 2])
    first_is_last = draws.uniform() < 0.5
    shown_in = np.where(first_is_last[:, None], (last, before), (before, last))
    actions = np.empty((len(cells), episodes, steps), np.uint8)
    entered = np.empty((len(cells), episodes, steps), np.int64)
    part = room.distance[draws.below(room.num_cells)] <= REACH
    for episode in range(episodes):
        cell = np.full(len(cells), start)
        heads = shown_in == episode
        goal = np.where(heads[:, 0], cells[:, 0], cells[:, 1])
        is_due = heads.any(axis=1)
        aim = np.where(is_due, goal, draws.one_of(part))
        for step in range(steps):
            closed = np.zeros((len(cells), room.num_cells), bool)
            closed[everyone[:, None], cells] = True
            closed[everyone[is_due], goal[is_due]] = False
            action = next_steps(room, cell, aim, closed, draws, is_due, steps - step)
            cell = room.after[cell, action]
            actions[:, episode, step], entered[:, episode, step] = action, cell
            has_arrived = cell == aim
            is_due &= ~has_arrived
            aim = np.where(has_arrived, draws.one_of(part), aim)
    swapped, can_swap = places_to_swap(room, start, actions, entered, cells, before)
    count = [(entered == cells[:, at, None, None]).sum(axis=(1, 2)) for at in range(3)]
    is_good = (count[0] == 1) & (count[1] == 1) & (count[2] == 0) & can_swap
    return Walks(actions, entered, shown_in, swapped), is_good


def next_steps(
    room: Room,
    cell: np.ndarray,
    aim: np.ndarray,
    closed: np.ndarray,
    draws: Draws,
    is_due: np.ndarray,
    steps_left: int,
) -> np.ndarray:
    """int64 `[N]`: an action from `cell` on towards `aim`, or any, into no cell that is closed."""
    allowed = ~np.take_along_axis(closed, room.after[cell], axis=1)
    leading = allowed & room.towards(cell, aim)
    has_time = ~is_due | (steps_left > room.distance[cell, aim] + SLACK)
    wanders = (draws.uniform() < NOISE) & has_time | ~leading.any(axis=1)
    return draws.one_of(np.where(wanders[:, None], allowed, leading))


def places_to_swap(
    room: Room,
    start: int,
    actions: np.ndarray,
    entered: np.ndarray,
    cells: np.ndarray,
    episodes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The last place in the first `episodes` where two steps can be exchanged, and if there is."""
    first, second = actions[:, :episodes, :-1], actions[:, :episodes, 1:]
    begin = np.full((len(cells), episodes, 1), start)
    before = np.concatenate([begin, entered[:, :episodes, :-2]], axis=2)
    between = room.after[before, second]
    leads_there = room.after[between, first] == entered[:, :episodes, 1:]
    is_elsewhere = between != entered[:, :episodes, :-1]
    is_open = (between[..., None] != cells[:, None, None]).all(axis=-1)
    fits = np.zeros(actions[:, :episodes].shape, bool)
    fits[..., :-1] = (first != second) & leads_there & is_elsewhere & is_open
    flat = fits.reshape(len(cells), -1)
    return flat.shape[1] - 1 - flat[:, ::-1].argmax(axis=1), np.asarray(flat.any(axis=1))
