"""The Gymnasium face of every task family: a vector environment and a thin single one.

Importing this module registers each family of the catalogue whose name an id can have, `dark-room`
as `adfast/DarkRoom-v0`:

    import adfast.simulators.gymnasium_env
    gymnasium.make_vec("adfast/DarkRoom-v0", num_envs=8192, size=9)

A Gymnasium seed is the random stream of the environment that it seeds, so environment i of a vector
environment seeded with s equals the single one seeded with s + i.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adfast import tasks
from adfast.errors import InvalidArgument, shown
from adfast.packages import explain
from adfast.simulators.batch_simulator import BatchSimulator
from adfast.tasks.family import TaskFamily
from adfast.values import (
    INTEGERS,
    MAX_SEED,
    as_array,
    as_count,
    as_flag,
    as_integer,
    as_mask,
    as_seed,
)

try:
    import gymnasium
    from gymnasium.spaces import Discrete, Space
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
except ModuleNotFoundError as error:
    raise explain(error) from error

MAX_ENVIRONMENTS = 2**24
STREAMS_FOR_UNSEEDED = 2**62  # below this, streams are drawn for environments without a seed


class FamilyVectorEnv(VectorEnv):
    """`num_envs` environments of one family in compiled loops.

    `task_ids` names the task of each environment; by default environment i has task i, counted
    modulo the number of tasks. `autoreset_mode` says who follows an ended episode by the next, and
    when: the step that ended it ("SameStep"), the next step, whose action is ignored and which
    earns 0 ("NextStep"), or the caller ("Disabled"), by `reset(options={"reset_mask": ended})`.
    With `copy=False` returned arrays are overwritten by the next call.
    """

    def __init__(
        self,
        num_envs: int = 1,
        family: str = "dark-room",
        task_ids: Sequence[int] | np.ndarray | None = None,
        copy: bool = True,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        render_mode: None = None,
        **options: Any,
    ) -> None:
        num_envs = as_count("num_envs", num_envs, MAX_ENVIRONMENTS)
        self.family = tasks.make(family, **options)
        if task_ids is None:
            task_ids = np.arange(num_envs) % self.family.num_tasks
        task_ids = self.family.check_task_ids(task_ids)
        if len(task_ids) != num_envs:
            raise InvalidArgument(
                f"task_ids must have one entry for each of the num_envs = {num_envs} environments, "
                f"got {len(task_ids)}"
            )
        self.autoreset_mode = checked_autoreset_mode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.render_mode = render_mode
        self.max_episode_steps = self.family.episode_length
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = spaces(self.family)
        observation = self.family.transition_schema.observation
        self._in_space = observation.in_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.copy = as_flag("copy", copy)
        is_stored = self.single_observation_space.shape == observation.stored.shape
        self._lends_final = is_stored and not self.copy  # what is rendered is new each time
        self._reward = np.zeros(num_envs)
        self._lent_rows: np.ndarray | None = None  # of the buffer of final observations
        self._ended = np.zeros(num_envs, np.bool_)  # NEXT_STEP: these are reset by the next step
        self._simulator = BatchSimulator(
            self.family,
            task_ids,
            random_streams=self.np_random.integers(STREAMS_FOR_UNSEEDED, size=num_envs),
            auto_reset=self.autoreset_mode is AutoresetMode.SAME_STEP,
            copy=copy,
        )

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a new episode everywhere, or where `options["reset_mask"]` (bool [num_envs]) is.

        A seed s seeds environment i with s + i, a list each environment with its own entry; None
        goes on drawing, and environments that are not reset are not seeded.
        """
        mask = np.ones(self.num_envs, np.bool_)
        if options is not None and "reset_mask" in options:
            mask = as_mask('options["reset_mask"]', options["reset_mask"], self.num_envs)
            if not np.any(mask):
                raise InvalidArgument('options["reset_mask"] must be true for an environment')
        streams = self._streams_of(seed)
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
        if streams is not None:
            seeded = mask & np.array([stream is not None for stream in streams])
            used = [stream for stream, is_used in zip(streams, seeded, strict=True) if is_used]
            self._simulator.reseed(np.array(used, np.uint64), seeded)
        observation = self._simulator.reset(mask)
        self._ended &= ~mask
        return self._in_space(observation), {}

    def _streams_of(self, seed: Any) -> list[int | None] | None:
        """The random stream of each environment by `seed`, None where it goes on as it does."""
        if seed is None:
            return None
        is_single = not isinstance(seed, Iterable) or isinstance(seed, str)
        if is_single or (isinstance(seed, np.ndarray) and seed.ndim == 0):
            first = as_integer("seed", seed, 0, MAX_SEED - (self.num_envs - 1))
            return [first + i for i in range(self.num_envs)]
        streams = [None if entry is None else as_seed("seed", entry) for entry in seed]
        if len(streams) != self.num_envs:
            raise InvalidArgument(
                f"seed must be one integer or {self.num_envs}, one for each environment, "
                f"got {len(streams)}"
            )
        return streams

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step everywhere.

        In SAME_STEP mode `infos["final_obs"]` has what ended episodes saw last. In NEXT_STEP mode
        environments whose episode the step before ended are reset instead: the transition is none.
        """
        is_next_step = self.autoreset_mode is AutoresetMode.NEXT_STEP
        mask = ~self._ended if is_next_step and self._ended.any() else None
        result = self._simulator.step(actions, mask)
        observation = result.observation
        done = result.terminated | result.truncated
        infos: dict[str, Any] = {}
        if self.autoreset_mode is AutoresetMode.SAME_STEP and done.any():
            final = self._final_rows(result.final_observation, done)
            infos = {"final_obs": final, "_final_obs": done, "final_info": {}, "_final_info": done}
        if is_next_step:
            if mask is not None:
                observation = self._simulator.reset(self._ended)
            self._ended = done
        reward = np.empty(self.num_envs) if self.copy else self._reward
        reward[:] = result.reward
        seen = self._in_space(observation)
        return seen, reward, result.terminated, result.truncated, infos

    def _final_rows(self, final: np.ndarray, done: np.ndarray) -> np.ndarray:
        """The rows of `final` `[N, C]` as the space has them, in an array of objects.

        They are None outside of `done` (bool `[N]`).

        So Gymnasium has it. A row is an array of its own, which costs more than a step: where
        buffers are lent, the same rows of the same buffer are lent each time.
        """
        if not self._lends_final:
            ended = self._in_space(final if done.all() else final[done])
            every = np.fromiter(ended, dtype=object, count=len(ended))
        else:
            if self._lent_rows is None or self._lent_rows[0].base is not final:
                self._lent_rows = np.fromiter(final, dtype=object, count=len(final))
            every = self._lent_rows[done]
        if len(every) == self.num_envs:
            return every
        rows = np.full(self.num_envs, None, dtype=object)
        rows[done] = every
        return rows


def checked_autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    """`mode` as Gymnasium's enum; raises `InvalidArgument` for another word."""
    try:
        return AutoresetMode(mode)
    except ValueError:
        raise InvalidArgument(
            f"autoreset_mode must be one of {', '.join(known.value for known in AutoresetMode)}, "
            f"got {shown(mode)}"
        ) from None


class FamilyEnv(gymnasium.Env):
    """One environment of one task of a family."""

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own class attribute)

    def __init__(
        self,
        family: str = "dark-room",
        task_id: int = 0,
        render_mode: None = None,
        **options: Any,
    ) -> None:
        self.family = tasks.make(family, **options)
        self.render_mode = render_mode
        self.max_episode_steps = self.family.episode_length
        self.observation_space, self.action_space = spaces(self.family)
        self._in_space = self.family.transition_schema.observation.in_space
        self._simulator = BatchSimulator(
            self.family,
            [task_id],
            random_streams=self.np_random.integers(STREAMS_FOR_UNSEEDED, size=1),
            auto_reset=False,
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a new episode, from the beginning of random stream `seed` if one is given."""
        if seed is not None:
            seed = as_seed("seed", seed)
            self._simulator.reseed(np.array([seed], np.uint64), np.array([True]))
        super().reset(seed=seed)
        return self._in_space(self._simulator.reset())[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step; raises `InvalidArgument` when the episode has ended and was not reset."""
        result = self._simulator.step(as_array("action", action, INTEGERS)[None])
        return (
            self._in_space(result.observation)[0],
            float(result.reward[0]),
            bool(result.terminated[0]),
            bool(result.truncated[0]),
            {},
        )


def spaces(family: TaskFamily) -> tuple[Space[Any], Discrete]:
    """The observation and the action space of one environment of `family`."""
    schema = family.transition_schema
    return schema.observation.space(), Discrete(schema.num_actions)


ID_PART = re.compile(r"[\w.-]+")


def environment_id(family_name: str) -> str:
    """The id under which a family is registered: `dark-room` is `adfast/DarkRoom-v0`."""
    return f"adfast/{''.join(word.capitalize() for word in family_name.split('-'))}-v0"


for family_name in tasks.names():
    is_spelt_as_ids_are = ID_PART.fullmatch(family_name)  # a package may register any name
    if is_spelt_as_ids_are and environment_id(family_name) not in gymnasium.registry:
        gymnasium.register(
            environment_id(family_name),
            entry_point=f"{__name__}:FamilyEnv",
            vector_entry_point=f"{__name__}:FamilyVectorEnv",
            kwargs={"family": family_name},
        )
