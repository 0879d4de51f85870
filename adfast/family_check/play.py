"""Random play by plain and by compiled functions, call for call.

Legend: E environments, one for each task; T steps.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from adfast.errors import InvalidArgument
from adfast.family_check.chances import CHECKED_STEPS, check_outcome, check_start
from adfast.random_draws import bounded, step_key
from adfast.random_streams import ENVIRONMENT_RESET, ENVIRONMENT_STEP, RANDOM_POLICY, stream_keys
from adfast.simulators import BatchSimulator
from adfast.tasks.checked_calls import State, checked_observe, checked_reset, checked_step
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
)

MAX_STEPS = 20_000  # plain calls of step take some 50 us
OTHER_KEY = 0x5EED


def check_play(
    family: TaskFamily, task_ids: np.ndarray, episodes: int, seed: int
) -> tuple[int, list[list[float]]]:
    """The steps taken, and of each task the returns of its whole random episodes.

    Raises `InvalidArgument` for a value outside the schema, a function that is not pure, and plain
    and compiled functions that differ.
    """
    most = max(1, MAX_STEPS // len(task_ids))
    num_steps = min(episodes * family.episode_length, most)
    plays = [
        play_plainly(family, int(task_id), stream, num_steps, seed)
        for stream, task_id in enumerate(task_ids)
    ]
    compare_with_compiled(family, task_ids, [play[0] for play in plays], seed)
    return num_steps * len(task_ids), [play[1] for play in plays]


def play_plainly(
    family: TaskFamily, task_id: int, stream: int, num_steps: int, seed: int
) -> tuple[list[dict[str, Any]], list[float]]:
    """What each step of a task's environment came to, and the returns of its whole episodes."""
    purposes = (ENVIRONMENT_RESET, ENVIRONMENT_STEP, RANDOM_POLICY)
    words = [word[0] for p in purposes for word in stream_keys(seed, p, np.array([stream]))]
    rows: list[dict[str, Any]] = []
    returns = []
    episode, step, total = 0, 0, 0.0
    with np.errstate(over="ignore"):  # random draws wrap round
        state = pure_reset(family, task_id, episode, words)
        for _ in range(num_steps):
            clock = episode * family.episode_length + step
            action = int(bounded(step_key(words[4], words[5], clock), family.num_actions))
            before, key = state, int(step_key(words[2], words[3], clock))
            state, reward, end = pure_step(family, task_id, state, action, key)
            if family.has_random_steps and len(rows) < CHECKED_STEPS:
                check_outcome(family, task_id, before, action, (state, reward, end))
            seen = pure_observe(family, task_id, state)
            step, total = step + 1, total + reward
            row = {"state": before, "action": action, "observation": seen, "reward": reward}
            if end == BOUNDARY_INSIDE and step == family.episode_length:
                end = BOUNDARY_TRUNCATED
            ends = {
                "terminated": end == BOUNDARY_TERMINATED,
                "truncated": end == BOUNDARY_TRUNCATED,
            }
            rows.append(row | ends)
            if end != BOUNDARY_INSIDE:
                returns.append(total)
                episode, step, total = episode + 1, 0, 0.0
                state = pure_reset(family, task_id, episode, words)
    return rows, returns


def pure_reset(family: TaskFamily, task_id: int, episode: int, words: list[int]) -> State:
    """`checked_reset` of an episode by a stream's `words`, which must return the same again."""
    key = int(step_key(words[0], words[1], episode))
    state = checked_reset(family, task_id, episode, key)
    again = checked_reset(family, task_id, episode, key)
    place = f"reset of {family.name} in task {task_id}, episode {episode}, key {key}"
    require_same(place, state, again)
    checked_observe(family, task_id, state)
    if episode == 0:
        check_start(family, task_id, state)
    return state


def pure_step(
    family: TaskFamily, task_id: int, state: State, action: int, key: int
) -> tuple[State, int | float, int]:
    """`checked_step`, which must return the same again, for any key unless steps are random."""
    result = checked_step(family, task_id, state, action, key)
    place = f"step of {family.name} in task {task_id}, state {state}, action {action}"
    require_same(place, result, checked_step(family, task_id, state, action, key))
    if not family.has_random_steps:
        other = checked_step(family, task_id, state, action, key ^ OTHER_KEY)
        if other != result:
            raise InvalidArgument(
                f"{place} depends on its key: {result} and {other}; declare has_random_steps = True"
            )
    return result


def pure_observe(family: TaskFamily, task_id: int, state: State) -> State:
    """`checked_observe`, which must return the same again."""
    seen = checked_observe(family, task_id, state)
    again = checked_observe(family, task_id, state)
    require_same(f"observe of {family.name} in task {task_id}, state {state}", seen, again)
    return seen


def require_same(place: str, first: Any, second: Any) -> None:
    """Raise `InvalidArgument` unless two calls of the same arguments returned the same."""
    if first != second:
        raise InvalidArgument(
            f"{place} must return the same for the same arguments, got {first} and then {second}; "
            "draw from its key alone"
        )


def compare_with_compiled(
    family: TaskFamily, task_ids: np.ndarray, plays: list[list[dict[str, Any]]], seed: int
) -> None:
    """Raise `InvalidArgument` where compiled environments do not take the plain ones' steps."""
    simulator = BatchSimulator(family, task_ids, seed=seed)
    for e, seen in enumerate(simulator.reset().tolist()):
        plain = checked_observe(family, int(task_ids[e]), plays[e][0]["state"])
        if tuple(seen) != plain:
            place = f"reset of {family.name} in task {task_ids[e]}"
            refuse_difference(place, "observation", tuple(seen), plain)
    dtype = np.dtype(family.transition_schema.reward_dtype)
    for rows in zip(*plays, strict=True):
        result = simulator.step([row["action"] for row in rows])
        for e, row in enumerate(rows):
            compiled = {
                "observation": tuple(result.final_observation[e].tolist()),
                "reward": result.reward[e],
                "terminated": bool(result.terminated[e]),
                "truncated": bool(result.truncated[e]),
            }
            row = row | {"reward": dtype.type(row["reward"])}
            for what, value in compiled.items():
                if value != row[what]:
                    place = f"task {task_ids[e]}, state {row['state']}, action {row['action']}"
                    refuse_difference(f"step of {family.name} in {place}", what, value, row[what])


def refuse_difference(place: str, what: str, compiled: Any, plain: Any) -> NoReturn:
    """Raise the `InvalidArgument` for a compiled function that does something else."""
    raise InvalidArgument(
        f"{place}: {what} is {compiled} when compiled, {plain} as plain Python; write the dtype of "
        "every operation, as in int32(state[0] + int32(1)), and read nothing that changes"
    )
