"""Rooms in which one cell pays, for ever: what was done there can be replayed under another task.

Axes: N walks, E episodes, S steps of an episode.
"""

from __future__ import annotations

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.recorder import EpisodeRecorder
from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.gridworlds.gridworld import VARIANTS
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TRUNCATED


def require_one_goal(family: TaskFamily | None) -> DarkRoom:
    """`family`; raises `InvalidArgument` where contexts of it cannot be edited cell by cell."""
    needs = "the probe edits contexts cell by cell, in a room in which one cell pays"
    way_out = "ask about a dark-room, or name the probes that do without"
    if not isinstance(family, DarkRoom):
        what = "environments that were recorded" if family is None else family.name
        raise InvalidArgument(f"{needs}, got {what}; {way_out}")
    if varied := [name for name in VARIANTS if getattr(family, name)]:
        raise InvalidArgument(
            f"{needs} and the same actions lead to the same cells, got {family.name} of "
            f"{varied[0]} = {getattr(family, varied[0])}; {way_out} of the usual {varied[0]}"
        )
    if family.start_cell is None:
        raise InvalidArgument(
            f"{needs} and episodes begin alike, got {family.name} of start = {family.start}; "
            f"{way_out} of a fixed start"
        )
    if family.terminate_at_goal:
        raise InvalidArgument(
            f"{needs} and episodes of different tasks are equally long, got {family.name} of "
            f"terminate_at_goal = true; {way_out} without it"
        )
    return family


def replayed(family: DarkRoom, task_ids: np.ndarray, actions: np.ndarray) -> dict[str, np.ndarray]:
    """The fields `[N, E, S, ...]` of what `actions` `[N, E, S]` bring in the task `[N]` of each."""
    num_walks, episodes, steps = actions.shape
    simulator = BatchSimulator(family, task_ids)
    record = EpisodeRecorder(family.transition_schema, num_walks, episodes)
    record.begin(simulator.reset())
    for at in np.ndindex(episodes, steps):
        record.add(actions[:, *at], simulator.step(actions[:, *at]))
    done = record.trajectories(num_walks, 1)
    return laid_out(family, done.observation[:, 0], done.action[:, 0], done.reward[:, 0])


def laid_out(
    family: DarkRoom, observation: np.ndarray, action: np.ndarray, reward: np.ndarray
) -> dict[str, np.ndarray]:
    """All fields of whole episodes, by `observation` `[N, E, S + 1, 2]` and the others."""
    schema = family.transition_schema
    fields = schema.allocate(*action.shape)
    fields["observation"][:] = observation[:, :, :-1]
    fields["next_observation"][:] = observation[:, :, 1:]
    fields["action"][:] = action
    fields["reward"][:] = reward
    fields["boundary"][:] = BOUNDARY_INSIDE
    fields["boundary"][:, :, -1] = BOUNDARY_TRUNCATED
    fields["episode_step"][:] = np.arange(action.shape[2])
    return fields


def in_a_row(episodes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fields `[N, E, S, ...]` as an agent reads them, `[N, E * S, ...]`."""
    return {
        name: np.ascontiguousarray(values.reshape(len(values), -1, *values.shape[3:]))
        for name, values in episodes.items()
    }


def cells_entered(family: DarkRoom, next_observation: np.ndarray) -> np.ndarray:
    """int16 `[...]`: the numbers of the cells `[..., 2]`, which are those of the tasks."""
    row, column = next_observation[..., 0].astype(np.int16), next_observation[..., 1]
    return np.asarray(row * np.int16(family.size) + column, np.int16)
