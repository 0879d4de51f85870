"""Searches: what a subject does in dark rooms while it is told of no reward.

So its behaviour does not give away where the goal is. The histories are read with the rewards that
were paid: before the first one the goal may be in any cell not yet entered, afterwards it is known,
by the reward alone. What is read from them: new cells entered, and whether these are the ones
that were goals in training.

Axes: N histories, T transitions, C cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from adfast.baselines.agents.room import Room, room_of
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.probes.rollouts import roll_out, streams_of
from adfast.probes.subject import Subject
from adfast.tasks.family import TaskFamily
from adfast.tasks.gridworlds.dark_room import DarkRoom

COMPARED = {"the ideal learner": "ideal-learner", "a random walk": "random"}


@dataclass(frozen=True)
class Searches:
    """Histories `[N, T, ...]` of searches, ordered by task, then seed, and what they have shown.

    `task` `[N]` is the place of the task among those asked for, `goal` `[N]` its cell. Before each
    transition `cell` `[N, T]` is where the subject stands, `is_open` bool `[N, T, C]` which cells
    it has not entered, and `is_known` bool `[N, T]` whether a reward was paid.
    """

    histories: dict[str, np.ndarray]
    task: np.ndarray
    goal: np.ndarray
    cell: np.ndarray
    entered: np.ndarray
    is_open: np.ndarray
    is_known: np.ndarray

    def by_task(self, values: np.ndarray, counted: np.ndarray) -> np.ndarray:
        """float64 `[tasks]`: the mean of `values` where they are `counted`, both `[N, T]`.

        A task without any is left out; without any task there is one 0, too few for an interval.
        """
        tasks = self.task.max() + 1
        count = np.bincount(self.task, counted.sum(axis=1), tasks)
        total = np.bincount(self.task, np.where(counted, values, 0.0).sum(axis=1), tasks)
        return total[count > 0] / count[count > 0] if count.any() else np.zeros(1)


def searches(subject: Subject, task_ids: np.ndarray, seeds: int, episodes: int) -> Searches:
    """The searches of `subject` on each of `task_ids`, `seeds` times."""
    family = require_dark_room(subject)
    goal, streams = streams_of(family, task_ids, np.arange(seeds))
    done = roll_out(subject, goal, streams, episodes, tell_rewards=False)
    each = [done.history(row, 0) for row in range(len(goal))]
    histories = {name: np.stack([history[name] for history in each]) for name in each[0]}
    return searched(histories, goal, np.repeat(np.arange(len(task_ids)), seeds), family.size)


def searched(
    histories: dict[str, np.ndarray], goal: np.ndarray, task: np.ndarray, size: int
) -> Searches:
    """What `histories` in a room of that `size` have shown at each transition."""
    cell, entered = (
        histories[name][..., 0].astype(np.int64) * size + histories[name][..., 1]
        for name in ("observation", "next_observation")
    )
    first = np.zeros((*cell.shape, size * size), bool)
    np.put_along_axis(first, entered[..., None], True, axis=-1)
    was_entered = np.roll(np.logical_or.accumulate(first, axis=1), 1, axis=1)
    was_entered[:, 0] = False
    is_known = np.roll(np.logical_or.accumulate(histories["reward"] > 0, axis=1), 1, axis=1)
    is_known[:, 0] = False
    return Searches(histories, task, goal, cell, entered, ~was_entered, is_known)


def require_dark_room(subject: Subject) -> DarkRoom:
    """The family of `subject`; raises `InvalidArgument` where a task is more than one goal cell."""
    family = subject.family
    if not isinstance(family, DarkRoom) or not has_plain_goals(family):
        raise InvalidArgument(
            "the probe needs tasks that are one goal cell each, as in dark-room with "
            "permute_actions, terminate_at_goal and goal_moves_every left at their defaults, but "
            f'subject "{subject.name}" was made for {family!r}; name the probes that do without'
        )
    return family


def has_plain_goals(family: DarkRoom) -> bool:
    """Whether its tasks are numbered by goal cells, and nothing but a reward tells the goal."""
    is_cell = family.num_tasks == family.plain_num_tasks
    return is_cell and not family.terminate_at_goal and not family.goal_moves_every


def known_room(family: TaskFamily) -> Room:
    """Where actions lead in `family`."""
    return room_of("the probe", family, family.transition_schema)


def new_cells(found: Searches) -> np.ndarray:
    """float64 `[tasks]`: new cells entered per step before the first reward."""
    return found.by_task(is_new(found), ~found.is_known)


def is_new(found: Searches) -> np.ndarray:
    """bool `[N, T]`: whether a transition enters a cell that was open."""
    return np.take_along_axis(found.is_open, found.entered[..., None], axis=-1)[..., 0]


def new_cells_of_others(
    subject: Subject, task_ids: np.ndarray, seeds: int, episodes: int
) -> dict[str, np.ndarray]:
    """The same of those that are compared with, on the same tasks, where they are defined."""
    others = {}
    for name, agent in COMPARED.items():
        settings = {"evaluation": {"temperature": 1.0}}
        other = replace(subject, model=None, agent=AGENTS.make(agent), settings=settings)
        try:
            others[name] = new_cells(searches(other, task_ids, seeds, episodes))
        except InvalidArgument:  # no ideal learner is known of these options
            continue
    return others


def preference(found: Searches, room: Room, trained: np.ndarray) -> np.ndarray:
    """float64 `[tasks]`: 0 if goals of training are preferred no more than by chance, 1 if always.

    Counted are the steps into a new cell of which both kinds were in reach. `trained` bool `[C]`
    are the cells that were goals in training.
    """
    reached = room.after[found.cell]  # [N, T, A]
    rows = np.arange(len(reached))[:, None, None]
    is_open = found.is_open[rows, np.arange(reached.shape[1])[:, None], reached]
    for action in range(1, reached.shape[-1]):  # each cell once
        is_open[..., action] &= (reached[..., :action] != reached[..., action, None]).all(axis=-1)
    is_trained = is_open & trained[reached]
    chance = is_trained.sum(axis=-1) / np.maximum(is_open.sum(axis=-1), 1)
    counted = is_new(found) & ~found.is_known & (chance > 0) & (chance < 1)
    excess = found.by_task(trained[found.entered] - chance, counted)
    room_above = found.by_task(1.0 - chance, counted)
    return np.asarray(excess / np.where(room_above > 0, room_above, 1.0))
