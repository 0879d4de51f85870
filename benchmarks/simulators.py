"""Contests of the simulators: compiled batches against the plain-Python twins.

Legend: E environments.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from benchmarks.contest import Contest, require_equal
from benchmarks.engine import BatchSimulator, DarkRoom, random_returns, tasks
from benchmarks.pair_timer import Contender
from benchmarks.rivals import c_dark_room
from benchmarks.rivals.optional import rival_of, with_rivals
from benchmarks.rivals.twins import twin_environment, twin_room
from reference import random_streams as twin

# Timed in whole episodes, so that every block has its share of resets. The subject's are as many as
# make its block long against the clock, the rival's one, which is long enough.
SUBJECT_EPISODES = 4
CHECKED_ENVIRONMENTS = 100
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@contextmanager
def step(
    family: str,
    num_environments: int,
    *,
    options: Mapping[str, Any] = NO_OPTIONS,
    beside_dark_room: bool = False,
) -> Iterator[Contest]:
    """`BatchSimulator` against the twin under Gymnasium's SyncVectorEnv; both reuse outputs.

    Dark Room also against a loop in C, and against Dark Room for gymnax where that is installed;
    other families by option against as many dark rooms, since a rate says little on its own.
    """
    made = tasks.make(family, **options)
    task_ids = np.arange(num_environments) % made.num_tasks
    environment_of = partial(twin_environment(family), **options)
    simulator = BatchSimulator(made, task_ids, seed=0, copy=False)
    environments = SyncVectorEnv(
        [partial(environment_of, task_id=int(task_id)) for task_id in task_ids],
        copy=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    subject_steps, rival_steps = SUBJECT_EPISODES * made.episode_length, made.episode_length
    actions = np.random.default_rng(0).integers(
        made.num_actions, size=(subject_steps, num_environments)
    )

    def steps(step_all: Any, all_chosen: np.ndarray) -> None:
        for chosen in all_chosen:
            step_all(chosen)

    def check() -> None:
        observation, _ = environments.reset(seed=0)
        require_equal("observation", simulator.reset(), observation)
        for chosen in actions[: made.episode_length + 2]:
            names = ("observation", "reward", "terminated", "truncated")
            expected = environments.step(chosen)
            for name, values, rival in zip(names, simulator.step(chosen), expected, strict=False):
                require_equal(name, values, rival)

    def contender(label: str, step_all: Any, all_chosen: np.ndarray) -> Contender:
        return Contender(label, partial(steps, step_all, all_chosen), all_chosen.size)

    others = []
    if beside_dark_room:
        room = BatchSimulator(DarkRoom(), np.arange(num_environments) % 81, seed=0, copy=False)
        room.reset()
        chosen = actions % room.num_actions
        others = [contender("Dark Room", room.step, chosen)]
    contest = Contest(
        contender("BatchSimulator", simulator.step, actions),
        (contender("Gymnasium SyncVectorEnv", environments.step, actions[:rival_steps]), *others),
        check,
    )
    rivals = []
    if type(made) is DarkRoom:
        rivals = c_dark_room.step_rivals(made, task_ids, actions)
        chosen = actions[:rival_steps].astype(np.uint8)
        rivals += rival_of("gymnax", "gymnax_dark_room.step_rival", made, task_ids, chosen)
    yield with_rivals(contest, rivals)
    environments.close()


@contextmanager
def random_rollout(family: str, num_environments: int, episodes: int) -> Iterator[Contest]:
    """The fused random policy against a plain-Python loop over the twin.

    Timed, the rival draws its actions from Python's generator; checked, it takes the subject's.
    """
    made = tasks.make(family)
    task_ids = np.arange(num_environments) % made.num_tasks
    length, choices = made.episode_length, range(made.num_actions)
    room_of = twin_room(family)
    rooms = cycle([room_of(task_id) for task_id in range(made.num_tasks)])
    generator = random.Random(0)

    def play_randomly() -> float:
        return play(next(rooms), generator.choices(choices, k=length))

    def check() -> None:
        returns = random_returns(made, task_ids[:CHECKED_ENVIRONMENTS], episodes)
        for environment, subject in enumerate(returns):
            room = room_of(int(task_ids[environment]), random_stream=environment)
            stream = twin.stream_key(0, twin.RANDOM_POLICY, environment)
            rival = []
            for first in range(0, episodes * length, length):
                keys = [twin.step_key(*stream, clock) for clock in range(first, first + length)]
                rival.append(play(room, [twin.bounded(key, len(choices)) for key in keys]))
            require_equal("return", subject, rival)

    yield Contest(
        Contender(
            "random_returns",
            lambda: random_returns(made, task_ids, episodes),
            num_environments * episodes * length,
        ),
        (Contender("plain Python", play_randomly, length),),
        check,
    )


def play(room: Any, actions: Iterable[int]) -> float:
    """The return of one episode of `room` in which `actions` are taken."""
    room.reset()
    total = 0.0
    for action in actions:
        _, reward, terminated, truncated = room.step(action)
        total += reward
        if terminated or truncated:
            break
    return total
