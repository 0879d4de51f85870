"""Contexts and their edits, each with a sham: an edit of equal size that tells nothing of the goal.

Of all contexts the last two episodes enter a goal each, once; the others search in vain. Legal
edits are histories of a task: a walk is replayed under another one, or whole episodes change
places. Illegal ones are no history of any task, since two cells pay or since steps are missing.

Axes: N contexts, ordered by task, then seed; E episodes, S steps of an episode, T transitions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.errors import InvalidArgument
from adfast.probes.edited_contexts.rooms import cells_entered, in_a_row, replayed
from adfast.probes.edited_contexts.walks import Draws, Walks, walk
from adfast.random_streams import CONTEXT_WALK, stream_keys
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.transition_schema import BOUNDARY_TRUNCATED

EPISODES = 5  # odd, so that a reversal leaves one in place, as its sham does
FEWEST_TASKS = 3
ROLE_DRAWS = 2**31  # the steps of a stream from which it draws what is no step of a walk

# Each edit with its sham; "exchanged" has the places of two steps exchanged.
LEGAL = {
    "moved": "exchanged",
    "erased": "exchanged",
    "doubled": "search-doubled",
    "reversed": "search-shifted",
    "shuffled": "search-shifted",
}
ILLEGAL = {
    "planted": "exchanged",
    "spliced-last": "search-spliced-last",
    "spliced-first": "search-spliced-first",
    "alone": "search-alone",
}
ALL = ("base", *dict.fromkeys([*LEGAL, *LEGAL.values(), *ILLEGAL, *ILLEGAL.values()]))
Fields = dict[str, np.ndarray]


@dataclass(frozen=True)
class Contexts:
    """Contexts of `goal` int64 `[N]`, and what edits make of them.

    `other` `[N]` is where a reward may move to, and `unseen` `[N]` is entered by nobody; all three
    are cells and tasks at once. `partner` `[N]` is another context of the same task.
    """

    family: DarkRoom
    goal: np.ndarray
    other: np.ndarray
    unseen: np.ndarray
    partner: np.ndarray
    walks: Walks
    untouched: np.ndarray  # int64 [N]: an episode that a shuffle leaves in place

    @property
    def entered(self) -> np.ndarray:
        """bool `[N, cells]`: the cells that a context enters."""
        found = np.zeros((len(self.goal), self.family.size**2), bool)
        np.put_along_axis(found, self.walks.entered.reshape(len(found), -1), True, axis=1)
        return found

    @property
    def planted(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[N]`, `[N]`: the transition that pays beside the goal in the edit of this name,
        late in the last episode, and the cell that it leads to.
        """
        entered = self.walks.entered.reshape(len(self.goal), -1)
        last = entered.shape[1] - 2
        is_goal = (entered[:, last] == self.goal) | (entered[:, last] == self.other)
        place = last - is_goal
        return place, entered[np.arange(len(entered)), place]

    def edited(self, name: str) -> tuple[Fields, np.ndarray]:
        """What is read after the edit `name`, fields `[N, T, ...]`, and int64 `[N]` where it acts.

        Nothing is edited for "base".
        """
        if name == "moved":
            return self._replayed(self.other), self.other
        if name == "erased":
            return self._replayed(self.unseen), self.unseen
        if name == "exchanged":
            return self._exchanged(), self.goal
        base = replayed(self.family, self.goal, self.walks.actions)
        if name.endswith("alone"):
            return self._alone(base, name == "alone"), self.goal
        if "spliced" in name:
            return self._spliced(base, name), self.goal
        order = self._order(name)
        fields = in_a_row({field: taken(values, order) for field, values in base.items()})
        if name == "planted":
            fields["reward"][np.arange(len(self.goal)), self.planted[0]] = 1
        return fields, self.goal

    def _replayed(self, tasks: np.ndarray) -> Fields:
        return in_a_row(replayed(self.family, tasks, self.walks.actions))

    def _exchanged(self) -> Fields:
        actions = self.walks.actions.reshape(len(self.goal), -1).copy()
        rows, place = np.arange(len(actions)), self.walks.swapped
        first, second = actions[rows, place], actions[rows, place + 1]
        actions[rows, place], actions[rows, place + 1] = second, first
        shape = self.walks.actions.shape
        return in_a_row(replayed(self.family, self.goal, actions.reshape(shape)))

    def _order(self, name: str) -> np.ndarray:
        """int64 `[N, E or E + 1]`: which episodes follow each other after the edit `name`."""
        usual = np.broadcast_to(np.arange(EPISODES), (len(self.goal), EPISODES))
        shown = self.walks.shown_in[:, 0]
        if name == "doubled":
            return np.sort(np.concatenate([usual, shown[:, None]], axis=1), axis=1)
        if name == "search-doubled":
            return np.sort(np.concatenate([usual, usual[:, :1]], axis=1), axis=1)
        if name == "reversed":
            return usual[:, ::-1]
        if name == "shuffled":
            return shifted(usual, self.untouched)
        return shifted(usual, shown) if name == "search-shifted" else usual

    def _spliced(self, base: Fields, name: str) -> Fields:
        """Another context's episode is added: one that enters its other goal, or searches."""
        searches = name.startswith("search")
        theirs = replayed(self.family, self.other, self.walks.actions)
        episode = np.zeros_like(self.goal) if searches else self.walks.shown_in[:, 1]
        added = {field: taken(values, episode[:, None]) for field, values in theirs.items()}
        both = []
        for field, values in base.items():
            parts = [values, added[field][self.partner]]
            both.append(np.concatenate(parts[:: 1 if name.endswith("last") else -1], axis=1))
        return in_a_row(dict(zip(base, both, strict=True)))

    def _alone(self, base: Fields, is_rewarded: bool) -> Fields:
        """A single transition, the rewarded one or the first, as an episode of its own."""
        flat = in_a_row(base)
        place = flat["reward"].argmax(axis=1) if is_rewarded else np.zeros_like(self.goal)
        fields = {name: taken(values, place[:, None]) for name, values in flat.items()}
        fields["boundary"][:] = BOUNDARY_TRUNCATED
        return fields

    def cells(self, next_observation: np.ndarray) -> np.ndarray:
        """int16 `[...]`: the numbers of the cells `[..., 2]`."""
        return cells_entered(self.family, next_observation)


def taken(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """`[N, P, ...]`: of `values` `[N, M, ...]` those at the `places` int64 `[N, P]`."""
    return np.asarray(values[np.arange(len(values))[:, None], places])


def shifted(order: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """`order` `[N, E]` with each entry one place on, but that at the place `kept` `[N]`."""
    num, episodes = order.shape
    moving = order[np.arange(episodes) != kept[:, None]].reshape(num, episodes - 1)
    found = np.empty_like(order)
    found[np.arange(episodes) != kept[:, None]] = np.roll(moving, 1, axis=1).ravel()
    found[np.arange(num), kept] = order[np.arange(num), kept]
    return found


def contexts_of(
    family: DarkRoom, tasks: np.ndarray, streams: np.ndarray, num_tasks: int, seed: int
) -> Contexts:
    """Contexts of `tasks` int64 `[N]`, ordered by one of `num_tasks`, then seed, by `streams`.

    The cell that nobody enters is the same for all contexts of a task; the other one is drawn among
    the tasks that are left. Raises `InvalidArgument` for too few tasks.
    """
    if num_tasks < FEWEST_TASKS:
        raise InvalidArgument(
            f"the probe needs at least {FEWEST_TASKS} held-out tasks, to move rewards between "
            f"them, got {num_tasks}; hold more out with collection.held_out"
        )
    by_task = tasks.reshape(num_tasks, -1)
    place = np.repeat(np.arange(num_tasks), by_task.shape[1])
    hidden = (place + num_tasks // 2) % num_tasks
    draws = Draws(*stream_keys(seed, CONTEXT_WALK, streams), first=ROLE_DRAWS)
    other = draws.below(num_tasks - 2)
    for taken_place in np.sort([place, hidden], axis=0):
        other += other >= taken_place
    cells = np.stack([by_task[where, 0] for where in (place, other, hidden)], axis=1)
    walks = walk(family, cells, streams, seed, EPISODES)
    untouched = draws.below(EPISODES - 1)
    untouched += untouched >= walks.shown_in[:, 0]
    partner = np.roll(np.arange(len(tasks)).reshape(num_tasks, -1), -1, axis=1).ravel()
    goal, other, unseen = cells.T
    return Contexts(family, goal, other, unseen, partner, walks, untouched)
