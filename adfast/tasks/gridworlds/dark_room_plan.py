"""The ideal in-context learner of Dark Room: how well can anybody do who starts ignorant?

Before the goal is found, "no reward" is all that can be observed, so a policy that explores is a
list of paths. `PLAN` walks four disjoint paths of 20 new cells each, which cover the room's 80
cells beside the start; once a step is rewarded it stays, and from the next episode on it goes
straight there. After four paths without a reward the goal is the start cell.

Who was led off a path goes to its next cell that nobody has entered yet, and when there is none on
to those of the paths after it; the start cell comes last. All ways are rows first, then columns.

The prior is uniform over all 81 goals, whatever the split. The plan was found by constraint
programming over such lists of paths: its mean return over all goals, summed over ten episodes, is
135.09, and no learner's exceeds 135.49.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import uint64
from numba.extending import register_jitable

from adfast.tasks.family import TaskFamily
from adfast.tasks.ideal_learner import IdealRules

PLAN = (
    "LUURRRULLLLDDDLDRRDR",
    "DRRRDLLDLLLULLUUUURD",
    "RRRRDDDDLULDLLLLLULD",
    "URRRRULURULLLLLLLLDR",
)
PLAN_SIZE = 9
TOTAL_OF_TEN_BOUND = 135.49  # proven upper bound of the mean return summed over ten episodes
NUM_CELLS = PLAN_SIZE**2
NUM_SEARCHED = len(PLAN) * len(PLAN[0])  # all but the start
MOVES = {"U": (-1, 0), "R": (0, 1), "D": (1, 0), "L": (0, -1)}


@dataclass(frozen=True)
class DarkRoomPlan:
    """Who follows `PLAN` in `room`, a Dark Room of the paper's options; `moves` are its actions."""

    room: TaskFamily
    moves: tuple[str, ...]

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

    def rules(self) -> IdealRules:
        """Which cells were entered stands in `memory[:81]`, behind it where to go, and why.

        As long as no step was rewarded, the target is the cell at `place` of the plan's order,
        which is gone through from the episode's path on around; with `is_found` it is the goal.
        """
        order = np.array(plan_order())
        towards = actions_towards(self.moves)
        target, is_found, episode, place = range(NUM_CELLS, NUM_CELLS + 4)

        @register_jitable
        def begin(memory: Any) -> None:
            for value in range(uint64(NUM_CELLS + 4)):
                memory[value] = 0.0

        @register_jitable
        def look_on(memory: Any, first: Any) -> None:
            at = first
            for _ in range(NUM_SEARCHED):
                if memory[order[at]] == 0.0:
                    break
                at = (at + uint64(1)) % uint64(NUM_SEARCHED)
            else:
                at = uint64(NUM_SEARCHED)
            memory[uint64(place)], memory[uint64(target)] = at, order[at]

        @register_jitable
        def begin_episode(memory: Any) -> None:
            path = uint64(memory[uint64(episode)]) % uint64(len(PLAN))
            memory[uint64(episode)] += 1.0
            if memory[uint64(is_found)] == 0.0:
                look_on(memory, path * uint64(len(PLAN[0])))

        @register_jitable
        def intend(memory: Any, seen: Any, episode_step: Any) -> Any:
            return towards[seen * uint64(NUM_CELLS) + uint64(memory[uint64(target)])]

        @register_jitable
        def learn(memory: Any, seen: Any, action: Any, reward: Any, seen_next: Any) -> None:
            if memory[uint64(is_found)] != 0.0:
                return
            memory[seen_next] = 1.0
            if reward > 0:
                memory[uint64(is_found)], memory[uint64(target)] = 1.0, seen_next
            elif memory[uint64(target)] == seen_next:
                look_on(memory, uint64(memory[uint64(place)]))

        return IdealRules(NUM_CELLS + 4, begin, begin_episode, intend, learn)


def discovery() -> tuple[np.ndarray, np.ndarray]:
    """int64 `[81]` pairs: the episode and the step (both from 0) in which `PLAN` finds each goal.

    The start cell is found by elimination: in the episode after the last path, and there the plan
    is already optimal.
    """
    found_in = np.full(NUM_CELLS, len(PLAN))
    found_at = np.zeros(NUM_CELLS, np.int64)
    for episode, path in enumerate(PLAN):
        row = column = PLAN_SIZE // 2
        for step, move in enumerate(path):
            row, column = row + MOVES[move][0], column + MOVES[move][1]
            found_in[row * PLAN_SIZE + column] = episode
            found_at[row * PLAN_SIZE + column] = step
    return found_in, found_at


def plan_order() -> list[int]:
    """All cells in the order in which `PLAN` enters them, and last the start."""
    found_in, found_at = discovery()
    return [int(cell) for cell in np.lexsort((found_at, found_in))]


def actions_towards(moves: tuple[str, ...]) -> np.ndarray:
    """uint8 `[81 * 81]`: the action in cell s on the way to cell t, rows first, at `s * 81 + t`."""
    row, column = np.divmod(np.arange(NUM_CELLS), PLAN_SIZE)
    down, right = (axis[None, :] - axis[:, None] for axis in (row, column))
    choices = [down < 0, down > 0, right < 0, right > 0]
    actions = [moves.index(name) for name in ("up", "down", "left", "right")]
    return np.select(choices, actions, moves.index("no-op")).astype(np.uint8).ravel()
