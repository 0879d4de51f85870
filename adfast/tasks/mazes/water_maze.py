"""Water maze: find a platform under opaque water, seeing walls and landmarks from within.

The task is where the platform lies, what is seen a picture, what is kept of it the pose (x, y,
heading) in whole numbers. Every episode starts in the centre. The platform is a disc 128 units
across; the first step of an episode that ends on it pays 1. Platforms lie on a square lattice in a
disc round the centre. A walk of one step is 20 units, a turn a fifth of a circle.

Positions, headings and walls are those of `arena.py`; how it looks is `water_maze_scene.py`.
Twin: `tests/reference/water_maze.py`.

Source: Morris 1981 (the water maze), DeepMind Lab's level of it, Laskin et al. 2022, arXiv
2210.14215 (eight actions, 50 steps, start in the centre, one reward). Lab's platform is an octagon.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field, model_validator

from adfast.errors import InvalidArgument
from adfast.random_draws import bounded
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes, equally_likely
from adfast.tasks.family import EpisodeLength, TaskFamily, hash_of_sources
from adfast.tasks.mazes import arena, steering
from adfast.tasks.mazes.arena import (
    ACTIONS,
    CENTRE,
    DEGREES,
    MAX_STRIDE,
    POSE_SIZES,
    POSITIONS,
    UNIT,
    WALL_DISTANCE,
)
from adfast.tasks.mazes.water_maze_scene import FieldOfView, Picture, WaterMazeScene
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.rendered_observation import RenderedObservation
from adfast.tasks.task_map import GOAL, Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

PLATFORM_RADIUS = 64  # units
MOST_DISTANCE = 580  # of a platform from the centre
MAP_CELL = 32 * UNIT  # of a map
MAP_CELLS = -(-POSITIONS // MAP_CELL)


class WaterMaze(TaskFamily):
    """Find the hidden platform; task id = its number on the lattice, from the south-west on."""

    name: ClassVar[str] = "water-maze"

    picture: Picture = (72, 96)
    """Height and width of what is seen."""

    field_of_view: FieldOfView = 90
    """Degrees that a picture is wide."""

    episode_length: EpisodeLength = 50
    """Steps of an episode."""

    stride: int = Field(20, ge=1, le=MAX_STRIDE)
    """Units that a step goes; walls are 760 from the centre."""

    turn: int = Field(72, ge=1, le=180)
    """Degrees that a turn turns."""

    first_heading: Literal["fixed", "random"] = "fixed"
    """Whether episodes begin looking east, or in any direction that turns lead to."""

    platform_spacing: int = Field(32, ge=4, le=MOST_DISTANCE)
    """Units between neighbouring platforms of the lattice: how many tasks there are."""

    least_distance: int = Field(0, ge=0, le=MOST_DISTANCE)
    """Units from the centre within which no platform lies."""

    terminate_at_goal: bool = False
    """Whether the reward ends the episode."""

    cell_side: int = Field(96, ge=4, le=WALL_DISTANCE)
    """Units of a side of the cells in which learners of tables count positions."""

    @model_validator(mode="after")
    def _platforms_lie_somewhere(self) -> Self:
        if not len(self.platforms):
            raise InvalidArgument(
                f"least_distance must leave a platform within {MOST_DISTANCE} units of the centre, "
                f"got {self.least_distance} with platform_spacing {self.platform_spacing}"
            )
        return self

    @property  # an array that is kept would be compared with the options
    def platforms(self) -> np.ndarray:
        """int64 `[num_tasks, 2]`: units east and north of the centre."""
        reach = MOST_DISTANCE // self.platform_spacing
        line = np.arange(-reach, reach + 1) * self.platform_spacing
        north, east = (side.ravel() for side in np.meshgrid(line, line, indexing="ij"))
        squared = east**2 + north**2
        lies = (squared <= MOST_DISTANCE**2) & (squared >= self.least_distance**2)
        return np.stack([east[lies], north[lies]], axis=1)

    @property
    def scene(self) -> WaterMazeScene:
        """What poses look like."""
        return WaterMazeScene(picture=self.picture, field_of_view=self.field_of_view)

    @cached_property
    def source_hash(self) -> str:
        """That of every family, and of how one moves in the arena."""
        return super().source_hash + hash_of_sources(arena.__name__, steering.__name__)

    @cached_property
    def num_tasks(self) -> int:  # type: ignore[override]
        """Number of platforms."""
        return len(self.platforms)

    @property
    def transition_schema(self) -> TransitionSchema:
        """Pictures, kept as poses; eight actions, rewards 0 or 1."""
        observation = RenderedObservation(DiscreteObservation(POSE_SIZES), self.scene)
        return TransitionSchema(observation, len(ACTIONS), self.episode_length, "uint8")

    @property
    def task_size(self) -> int:
        """The platform's x and y."""
        return 2

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The pose, and whether the reward has been paid."""
        return (*POSE_SIZES, 2)

    @property
    def cell_sizes(self) -> tuple[int, ...]:
        """Cells from west to east, from south to north, headings, and whether it has been paid."""
        line = 1 + 2 * math.ceil(WALL_DISTANCE / self.cell_side)
        return (line, line, self.headings, 2)

    @property
    def cell(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> tuple`; the centre is in the middle of its cell."""
        side = self.cell_side * UNIT
        to_corner = side * (self.cell_sizes[0] // 2) + side // 2 - CENTRE
        apart = DEGREES // self.headings

        @register_jitable
        def cell(task: Any, state: Any) -> Any:
            column = int32(int32(state[0] + to_corner) // side)
            row = int32(int32(state[1] + to_corner) // side)
            return column, row, int32(state[2] // apart), state[3]

        return cell

    @property
    def headings(self) -> int:
        """How many headings turns lead to."""
        return DEGREES // math.gcd(self.turn, DEGREES)

    @property
    def starts(self) -> Outcomes:
        """A key for each first heading."""
        count = self.headings
        if self.first_heading == "fixed":
            return CERTAIN
        return equally_likely(count, lambda keys: bounded(keys, count))

    @property
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        count = 1 if self.first_heading == "fixed" else self.headings
        apart = DEGREES // self.headings

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            heading = int32(bounded(key, count) * apart)
            return int32(CENTRE), int32(CENTRE), heading, int32(0)

        return reset

    @property
    def move(self) -> Callable[..., Any]:
        """The pure function `(x, y, heading, action) -> (x, y, heading)`."""
        return arena.movement(self.stride, self.turn)

    @property
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        move = self.move
        terminate_at_goal = self.terminate_at_goal
        within = (PLATFORM_RADIUS * UNIT) ** 2

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            x, y, heading = move(state[0], state[1], state[2], action)
            east, north = int32(x - task[0]), int32(y - task[1])
            on_platform = int32(int32(east * east + north * north) <= within)
            reward = int32(on_platform & int32(int32(1) - state[3]))
            paid = int32(state[3] | on_platform)
            return (x, y, heading, paid), reward, terminate_at_goal & (reward != 0)

        return step

    @property
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (x, y, heading)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state[0], state[1], state[2]

        return observe

    @property
    def steer(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> action` of who knows where the platform is."""
        return steering.steering(self.move)

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 2]`: x and y of the platforms."""
        ids = self.check_task_ids(task_ids)
        return np.asarray(CENTRE + UNIT * self.platforms[ids], np.int32)

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: how often who steers by the nearest way enters the platform in time.

        That is all of the time with the strides of the paper; where episodes end within a step or
        two of it, somebody who turns less may come a step earlier.
        """
        steps = steering.steps_to_platform(self, self.check_task_ids(task_ids))
        return np.asarray((steps <= self.episode_length).mean(axis=1), np.float64)

    def halves(self, task_ids: np.ndarray) -> np.ndarray:
        """int8 `[N]`: the half that the platform is in, -1 in the west."""
        return np.asarray(np.sign(self.platforms[task_ids][:, 0]), np.int8)

    def task_label(self, task_id: int) -> str:
        """Where the platform lies, in units from the centre."""
        east, north = self.platforms[task_id].tolist()
        sideways = f"{abs(east)} {'east' if east >= 0 else 'west'}"
        return f"platform {sideways}, {abs(north)} {'north' if north >= 0 else 'south'}"

    def task_map(self, task_id: int) -> TaskMap:
        """The arena from above, north on top, in cells of 32 units, and those of the platform."""
        east, north = self.platforms[task_id].tolist()
        # Of each row and column the middle, in units from the centre.
        middle = ((np.arange(MAP_CELLS) + 0.5) * MAP_CELL - CENTRE) / UNIT
        within = np.hypot(middle[::-1, None] - north, middle - east) <= PLATFORM_RADIUS
        row, column = ((CENTRE + UNIT * place) // MAP_CELL for place in (north, east))
        platform = [Landmark("platform", 0, *cell) for cell in np.argwhere(within).tolist()]
        return TaskMap(
            MAP_CELLS,
            MAP_CELLS,
            components=(1, 0),
            landmarks=(Landmark(GOAL, 0, MAP_CELLS - 1 - row, column), *platform),
            start=(MAP_CELLS - 1 - CENTRE // MAP_CELL, CENTRE // MAP_CELL),
            per_cell=MAP_CELL,
            upward=True,
            heading=2,
        )

    def action_label(self, action: int) -> str:
        """The movement."""
        return ACTIONS[action]
