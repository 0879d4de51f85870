"""GoalMemory: the cell in which each environment was paid last, and whether it still pays.

Axes: N environments, M of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adfast.baselines.agents.room import Room
from adfast.machine.compiled_code import compiled
from adfast.tasks.transition_schema import BOUNDARY_INSIDE

NOWHERE = -1
NO_END = 2**62  # of patience


class GoalMemory:
    """What was paid in N environments, apart for each view (what is seen beside the position).

    A step into the remembered cell that pays nothing is an unpaid visit, unless the cell has paid
    in this episode already; then it is done with until the next one. After `patience` (None: any
    number of) unpaid visits without a paid one the cell is given up.
    """

    def __init__(self, room: Room, num_environments: int, patience: int | None) -> None:
        self.room = room
        self.patience = patience
        shape = (num_environments, room.num_views)
        self.goal = np.full(shape, NOWHERE)
        self.unpaid = np.zeros(shape, np.int64)  # visits since it paid
        self.has_paid = np.zeros(shape, bool)  # in this episode
        self.is_done = np.zeros(shape, bool)  # with, in this episode

    def begin(self, environments: np.ndarray) -> None:
        """A new history begins in these."""
        self.goal[environments] = NOWHERE
        self.unpaid[environments] = 0
        self._begin_episode(environments)

    def _begin_episode(self, environments: np.ndarray) -> None:
        self.has_paid[environments] = False
        self.is_done[environments] = False

    def learn(self, environments: np.ndarray, transition: Mapping[str, np.ndarray]) -> np.ndarray:
        """Take in a transition of each; bool `[M]`: where the cell was given up."""
        _, view = self.room.locate(transition["observation"])
        entered, _ = self.room.locate(transition["next_observation"])
        given_up = np.zeros(len(environments), bool)
        remember(
            environments,
            view,
            entered,
            transition["reward"],
            transition["boundary"] != BOUNDARY_INSIDE,
            self.patience or NO_END,
            self.goal,
            self.unpaid,
            self.has_paid,
            self.is_done,
            given_up,
        )
        return given_up

    def target(self, environments: np.ndarray, view: np.ndarray) -> np.ndarray:
        """int64 `[M]`: the cell to go to; `NOWHERE` where there is none."""
        here = environments, view
        return np.where(self.is_done[here], NOWHERE, self.goal[here])


@compiled
def remember(
    environments: np.ndarray,
    view: np.ndarray,
    entered: np.ndarray,
    reward: np.ndarray,
    ends: np.ndarray,
    patience: int,
    goal: np.ndarray,
    unpaid: np.ndarray,
    has_paid: np.ndarray,
    is_done: np.ndarray,
    given_up: np.ndarray,
) -> None:
    """Take in that cells were `entered` in these; `given_up` is set where one is."""
    for place in range(environments.shape[0]):
        e, v, cell = environments[place], view[place], entered[place]
        if reward[place] > 0:
            goal[e, v], unpaid[e, v], has_paid[e, v] = cell, 0, True
        elif cell == goal[e, v]:
            if has_paid[e, v]:
                is_done[e, v] = True
            else:
                unpaid[e, v] += 1
            if unpaid[e, v] >= patience:
                goal[e, v], unpaid[e, v], given_up[place] = NOWHERE, 0, True
        if ends[place]:
            has_paid[e] = False
            is_done[e] = False
