"""A family of a user's own, and what goes wrong in one: each task breaks a single rule."""

from typing import ClassVar

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field

from adfast.tasks.family import TaskFamily
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema

# Of each task: what its goal pays, what is added to the cell once it has reached 8 and to what is
# seen of it there, and where episodes begin.
TASKS = {
    "sound": (1, 0, 0, 0),
    "negative reward": (-1, 0, 0, 0),
    "large reward": (256, 0, 0, 0),
    "state": (1, 1, 0, 0),
    "observation": (1, 0, 5000, 0),
    "start": (1, 0, 0, -1),
}
NUMBERS = {name: number for number, name in enumerate(TASKS)}
GOAL = 3


class Walk(TaskFamily):
    """A walk round a circle of nine cells towards the third one; `unit` multiplies rewards."""

    name: ClassVar[str] = "walk"
    num_tasks: ClassVar[int] = len(TASKS)
    task_size: ClassVar[int] = 4
    state_sizes: ClassVar[tuple[int, ...]] = (9,)

    episode_length: int = 12
    reward_dtype: str = "uint8"
    unit: float = Field(1, allow_inf_nan=True)

    @property
    def transition_schema(self):
        observation = DiscreteObservation((9,))
        return TransitionSchema(observation, 2, self.episode_length, self.reward_dtype)

    @property
    def reset(self):
        @register_jitable
        def reset(task, episode, key):
            return (int32(task[3]),)

        return reset

    @property
    def step(self):
        unit = self.unit

        @register_jitable
        def step(task, state, action, key):
            cell = int32((state[0] + int32(action)) % 9)
            reward = task[0] * unit if cell == GOAL else 0 * unit
            return (int32(cell + task[1]) if cell == 8 else cell,), reward, False

        return step

    @property
    def observe(self):
        @register_jitable
        def observe(task, state):
            return (state[0] + task[2] if state[0] == 8 else state[0],)

        return observe

    def task_parameters(self, task_ids):
        table = np.array(list(TASKS.values()), np.int32)
        return table[self.check_task_ids(task_ids)]

    def optimal_return(self, task_ids):
        pays = self.task_parameters(task_ids)[:, 0] * self.unit
        return np.maximum(pays, 0.0) * (self.episode_length - GOAL + 1)


class Sound(Walk):
    """A walk all of whose tasks are sound."""

    name: ClassVar[str] = "sound"
    num_tasks: ClassVar[int] = 3

    def task_parameters(self, task_ids):
        ids = self.check_task_ids(task_ids)
        return np.tile(np.array(TASKS["sound"], np.int32), (len(ids), 1))


class Five(DarkRoom):
    """Five of the goals of a small Dark Room, whose schema it has."""

    name: ClassVar[str] = "five"
    num_tasks: ClassVar[int] = 5

    size: int = 5
    episode_length: int = 10
