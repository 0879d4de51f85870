"""The critique's heuristic as a learner, whose histories can be distilled.

It goes back to where the last reward was, and takes any action as long as there is none. As an
agent it is `baselines.agents.heuristic`. Twin: `tests/reference/heuristic_learner.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numba import int64, uint64
from numba.extending import register_jitable

from adfast.config import Count
from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, subkey
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.tasks.family import TaskFamily
from adfast.tasks.gridworlds.square_room import MOVES, SquareRoom

NOWHERE = -1.0
# What is remembered of each view, which is what is seen beside the position.
GOAL, UNPAID, HAS_PAID, IS_DONE = range(4)
DISPLACEMENTS = dict(zip(MOVES, ((0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)), strict=True))


class HeuristicLearner(CompiledAlgorithm):
    """Goes back to where the last reward was; as long as there is none, wanders.

    Defined in square rooms, of which it knows the moves. What is seen beside the position, such as
    the number of a room, has a last reward of its own.
    """

    name: ClassVar[str] = "heuristic"

    patience: Count = 1
    """Unpaid visits after which a cell is given up."""

    def parameters(self) -> tuple[float, ...]:
        """The patience."""
        return (float(self.patience),)

    def exploration(self, episodes: int) -> np.ndarray:
        """Zeros `[episodes]`: it explores where there is nothing to go to."""
        return np.zeros(episodes)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """Of each view `memory[4 * view:]` is the goal, unpaid visits, and what this episode did.

        That is whether the goal has paid in it, and whether the learner is done with it.
        """
        room = require_room(family)
        size = room.size
        num_views, num_actions = num_inputs // size**2, family.num_actions
        moves = [DISPLACEMENTS[room.move_label(action)] for action in range(num_actions)]
        down, right = np.ascontiguousarray(np.array(moves, np.int64).T)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            for view in range(uint64(num_views)):
                memory[uint64(4) * view + uint64(GOAL)] = NOWHERE
                memory[uint64(4) * view + uint64(UNPAID)] = 0.0

        @register_jitable
        def steps_left(cell: Any, action: Any, goal: Any) -> Any:
            """How far the goal is after the action."""
            row = min(max(cell // size + down[action], 0), size - 1)
            column = min(max(cell % size + right[action], 0), size - 1)
            return abs(row - goal // size) + abs(column - goal % size)

        @register_jitable
        def are_best(memory: Any, seen: Any) -> Any:
            """The goal (-1: none), the cell, and how near the best actions lead to the goal."""
            cell, place = int64(seen) // num_views, uint64(4) * (seen % uint64(num_views))
            goal = int64(memory[place + uint64(GOAL)])
            if memory[place + uint64(IS_DONE)] != 0.0:
                goal = int64(-1)
            nearest = int64(2 * size)
            for a in range(uint64(num_actions)):
                nearest = min(nearest, steps_left(cell, a, goal))
            return goal, cell, nearest

        @register_jitable
        def count_best(goal: Any, cell: Any, nearest: Any) -> Any:
            count = uint64(0)
            for a in range(uint64(num_actions)):
                count += uint64(goal < 0 or steps_left(cell, a, goal) == nearest)
            return count

        @register_jitable
        def choose(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            key: Any,
        ) -> Any:
            if episode_step == uint64(0):
                for view in range(uint64(num_views)):
                    memory[uint64(4) * view + uint64(HAS_PAID)] = 0.0
                    memory[uint64(4) * view + uint64(IS_DONE)] = 0.0
            goal, cell, nearest = are_best(memory, seen)
            left = int64(bounded(subkey(key, 0), count_best(goal, cell, nearest)))
            for a in range(uint64(num_actions)):
                left -= int64(goal < 0 or steps_left(cell, a, goal) == nearest)
                if left < 0:
                    return a
            return uint64(0)

        @register_jitable
        def update(
            memory: Any,
            parameters: Any,
            seen: Any,
            action: Any,
            reward: Any,
            seen_next: Any,
            terminated: Any,
        ) -> Any:
            place = uint64(4) * (seen % uint64(num_views))
            entered = float(int64(seen_next) // num_views)
            if reward > 0:
                memory[place + uint64(GOAL)] = entered
                memory[place + uint64(UNPAID)] = 0.0
                memory[place + uint64(HAS_PAID)] = 1.0
            elif entered == memory[place + uint64(GOAL)]:
                if memory[place + uint64(HAS_PAID)] != 0.0:
                    memory[place + uint64(IS_DONE)] = 1.0
                else:
                    memory[place + uint64(UNPAID)] += 1.0
                if memory[place + uint64(UNPAID)] >= parameters[0]:
                    memory[place + uint64(GOAL)] = NOWHERE
                    memory[place + uint64(UNPAID)] = 0.0

        @register_jitable
        def chances(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            out: Any,
        ) -> None:
            goal, cell, nearest = are_best(memory, seen)
            share = 1.0 / float(count_best(goal, cell, nearest))
            for a in range(uint64(num_actions)):
                is_best = goal < 0 or steps_left(cell, a, goal) == nearest
                out[a] = share if is_best else 0.0

        return LearningRules(4 * num_views, begin, choose, update, chances=chances)


def require_room(family: TaskFamily) -> SquareRoom:
    """`family`; raises `InvalidArgument` unless one walks over the cells of a square room."""
    if not isinstance(family, SquareRoom):
        raise InvalidArgument(
            "heuristic walks over the cells of a square room and must see where it is, which "
            f"{family.name} does not offer; use a family such as dark-room, or another algorithm"
        )
    if family.permute_actions:
        raise InvalidArgument(
            "heuristic knows what its actions do, which permute_actions makes part of the task; "
            "turn that off, or use another algorithm"
        )
    return family
