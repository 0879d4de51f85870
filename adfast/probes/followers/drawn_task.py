"""DrawnTaskFollower: a candidate that drew a task, acts as if it were that, and told nobody.

What it drew shows in what was done. So the chance of each task to be the drawn one is followed up
exactly (a filter over tasks), at each noise by itself: the candidate is who does as the plan for
the drawn task says, but for any action now and then. Ties are spread evenly, as plans are. Twin:
`tests/reference/candidates.py`.

Legend: K tasks, N histories, M of them, A actions, E noises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.errors import InvalidArgument
from adfast.machine.compiled_code import compiled
from adfast.probes.followers.follower import Follower, Moment, Said
from adfast.probes.followers.noise import NOISES, USUAL
from adfast.probes.followers.task_plans import plans_of
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_TERMINATED

LEAST = np.float32(1e-30)  # chance of a task that may be drawn: long histories do not exclude it


@dataclass(frozen=True)
class Drawing:
    """How a task is drawn: from `tasks` float64 `[K]`, by how likely each is before all else.

    From those alone that agree with what was seen, where it `learns`; for each episode or for all
    of a history; and anew, within an episode, where it `redraws` what was refuted.
    """

    tasks: np.ndarray
    learns: bool
    each_episode: bool
    redraws: bool = False


class DrawnTaskFollower(Follower):
    """Who draws a task in each of N histories and acts by the plan for it.

    Of a history, those tasks alone are gone along with that may have been drawn in its episode, or
    be drawn before it ends: `listed` int64 `[N, K]`, in order, the first `count` `[N]`.
    """

    def __init__(self, drawing: Drawing, family: TaskFamily, num_histories: int) -> None:
        self._drawing = drawing
        self._family = family
        self._sizes = family.observation_sizes
        self._plans = plans_of(family)
        shape = num_histories, family.num_tasks
        self._state = np.zeros(shape, np.int64)
        self._likelihood = np.tile(np.asarray(drawing.tasks, np.float64), (num_histories, 1))
        self._drawn = np.zeros((*shape, len(NOISES)), np.float32)
        self._listed = np.zeros(shape, np.int64)
        self._count = np.zeros(num_histories, np.int64)

    def follow(self, now: Moment) -> list[Said]:
        """What the drawn task asks for, whichever that is."""
        plans, drawing = self._plans, self._drawing
        seen = np.ravel_multi_index(tuple(now.observation.T), self._sizes)
        begin = now.episode_step == 0
        if (rows := now.rows[begin]).size:
            self._begin(rows, now.episode[begin], seen[begin])
        chances = np.zeros((len(now.rows), self._family.num_actions))
        taken = np.zeros((len(now.rows), len(NOISES)))
        follow_drawn(
            now.rows,
            now.action,
            now.episode_step,
            self._listed,
            self._count,
            self._state,
            plans.chances,
            (1.0 - NOISES).astype(np.float32),
            (NOISES / self._family.num_actions).astype(np.float32),
            self._drawn,
            chances,
            taken,
        )
        fits = np.empty((len(now.rows), self._family.num_tasks), bool)
        nowhere = plans.step(
            now.rows,
            plans.tasks,
            self._listed,
            self._count,
            now.action,
            now.reward.astype(np.float64),
            np.ravel_multi_index(tuple(now.next_observation.T), self._sizes),
            now.boundary == BOUNDARY_TERMINATED,
            self._state,
            self._likelihood,
            fits,
        )
        if drawing.learns and nowhere >= 0:
            raise InvalidArgument(
                f"no task of {self._family.name} would have shown what was seen in history "
                f"{nowhere}, or more than one of its states would; take a family in whose tasks "
                "what is seen tells the state"
            )
        if drawing.redraws:
            redraw(now.rows, self._likelihood, fits, self._drawn, self._listed, self._count)
        return [(chances, taken)]

    def _begin(self, rows: np.ndarray, episode: np.ndarray, seen: np.ndarray) -> None:
        """Episodes begin, and perhaps another task is drawn."""
        plans, drawing = self._plans, self._drawing
        plans.begin(rows, plans.tasks, episode, seen, self._state, self._likelihood)
        draws = rows if drawing.each_episode else rows[episode == 0]
        likely = self._likelihood[draws] if drawing.learns else drawing.tasks[None]
        self._drawn[draws] = (likely / likely.sum(axis=1, keepdims=True))[:, :, None]
        list_tasks(rows, self._likelihood, self._drawn, self._listed, self._count)


@compiled
def list_tasks(
    rows: np.ndarray,
    likelihood: np.ndarray,
    drawn: np.ndarray,
    listed: np.ndarray,
    count: np.ndarray,
) -> None:
    """List the tasks that are drawn, or likely, by some chance."""
    for row in rows:
        kept = 0
        for k in range(likelihood.shape[1]):
            if drawn[row, k, USUAL] > 0.0 or likelihood[row, k] > 0.0:
                listed[row, kept] = k
                kept += 1
        count[row] = kept


@compiled
def follow_drawn(
    rows: np.ndarray,
    action: np.ndarray,
    episode_step: np.ndarray,
    listed: np.ndarray,
    count: np.ndarray,
    state: np.ndarray,
    plans: np.ndarray,
    kept: np.ndarray,
    any_action: np.ndarray,
    drawn: np.ndarray,
    chances: np.ndarray,
    taken: np.ndarray,
) -> None:
    """Fill `chances` and `taken` by the chance `drawn` of each task, and update that by `action`.

    `kept` and `any_action` float32 `[E]` say how probable it is that the plan's own action is
    taken, and any one by chance.
    """
    num_noises, num_actions = kept.shape[0], chances.shape[1]
    expected, left = np.empty(num_noises, np.float32), np.empty(num_noises, np.float32)
    for place in range(rows.shape[0]):
        row, done, t = rows[place], action[place], episode_step[place]
        expected[:] = 0.0
        left[:] = 0.0
        for number in range(count[row]):
            k = listed[row, number]
            mine = drawn[row, k]
            if mine[USUAL] == 0.0:
                continue  # it is no task to draw
            plan = plans[k, t, state[row, k]]
            own = plan[done]
            for a in range(num_actions):
                chances[place, a] += mine[USUAL] * plan[a]
            for e in range(num_noises):
                expected[e] += mine[e] * own
                mine[e] *= kept[e] * own + any_action[e]
                left[e] += mine[e]
        for e in range(num_noises):
            taken[place, e] = expected[e]
            left[e] = np.float32(1.0) / left[e]
        for number in range(count[row]):
            mine = drawn[row, listed[row, number]]
            for e in range(num_noises):
                mine[e] = max(mine[e] * left[e], LEAST) if mine[e] > 0.0 else mine[e]


@compiled
def redraw(
    rows: np.ndarray,
    likelihood: np.ndarray,
    fits: np.ndarray,
    drawn: np.ndarray,
    listed: np.ndarray,
    count: np.ndarray,
) -> None:
    """Where the drawn task was refuted, another one is drawn from what is likely.

    What can be drawn no more is no longer listed.
    """
    num_noises = drawn.shape[2]
    refuted = np.empty(num_noises, np.float32)
    for place in range(rows.shape[0]):
        row, possible, is_refuted, kept = rows[place], np.float32(0.0), False, 0
        refuted[:] = 0.0
        for number in range(count[row]):
            k = listed[row, number]
            mine = drawn[row, k]
            possible += np.float32(likelihood[row, k])
            if not fits[place, k]:
                for e in range(num_noises):
                    is_refuted |= mine[e] > 0.0
                    refuted[e] += mine[e]
                    mine[e] = 0.0
            if likelihood[row, k] > 0.0 or mine[USUAL] > 0.0:
                listed[row, kept] = k
                kept += 1
        count[row] = kept
        if is_refuted:
            for number in range(kept):
                k = listed[row, number]
                share = np.float32(likelihood[row, k]) / possible
                for e in range(num_noises):
                    drawn[row, k, e] += refuted[e] * share
