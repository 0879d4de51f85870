"""Where a subject searches: new cells, and whether these are the ones that were goals in training.

Axes: N histories, T transitions, C cells, A actions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adfast.baselines.agents.room import Room
from adfast.errors import InvalidArgument
from adfast.evaluation.catalogue import AGENTS
from adfast.probes.inside.searches import Searches, searches
from adfast.probes.subject import Subject

COMPARED = {"the ideal learner": "ideal-learner", "a random walk": "random"}


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
