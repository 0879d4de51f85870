"""The ideal in-context learner of Dark Room: how well can anybody do who starts ignorant?

Before the goal is found, "no reward" is all that can be observed, so a policy that explores is a
list of paths. `PLAN` walks four disjoint paths of 20 new cells each, which cover the room's 80
cells beside the start; once a step is rewarded it stays, and from the next episode on it goes
straight there. After four paths without a reward the goal is the start cell.

The prior is uniform over all 81 goals, whatever the split. The plan was found by constraint
programming over such lists of paths: its mean return over all goals, summed over ten episodes, is
135.09, and no learner's exceeds 135.49.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.tasks.family import TaskFamily

PLAN = (
    "LUURRRULLLLDDDLDRRDR",
    "DRRRDLLDLLLULLUUUURD",
    "RRRRDDDDLULDLLLLLULD",
    "URRRRULURULLLLLLLLDR",
)
PLAN_SIZE = 9
TOTAL_OF_TEN_BOUND = 135.49  # proven upper bound of the mean return summed over ten episodes
MOVES = {"U": (-1, 0), "R": (0, 1), "D": (1, 0), "L": (0, -1)}


@dataclass(frozen=True)
class DarkRoomPlan:
    """Who follows `PLAN` in `room`, a Dark Room of the paper's options."""

    room: TaskFamily

    def returns(self, task_ids: np.ndarray, episodes: int) -> np.ndarray:
        """float64 `[N, episodes]`: what it earns in each episode on the tasks."""
        found_in, found_at = discovery()
        task_ids = self.room.check_task_ids(task_ids)
        optimal = self.room.optimal_return(task_ids)[:, None]
        episode = np.arange(episodes)
        discovered = (self.room.episode_length - found_at[task_ids])[:, None]
        searching = found_in[task_ids, None]
        return np.where(
            episode < searching, 0.0, np.where(episode == searching, discovered, optimal)
        ).astype(np.float64)


def discovery() -> tuple[np.ndarray, np.ndarray]:
    """int64 `[81]` pairs: the episode and the step (both from 0) in which `PLAN` finds each goal.

    The start cell is found by elimination: in the episode after the last path, and there the plan
    is already optimal.
    """
    found_in = np.full(PLAN_SIZE**2, len(PLAN))
    found_at = np.zeros(PLAN_SIZE**2, np.int64)
    for episode, path in enumerate(PLAN):
        row = column = PLAN_SIZE // 2
        for step, move in enumerate(path):
            row, column = row + MOVES[move][0], column + MOVES[move][1]
            found_in[row * PLAN_SIZE + column] = episode
            found_at[row * PLAN_SIZE + column] = step
    return found_in, found_at
