"""How well candidates explain what was done, in bits over who takes any action.

Only steps are scored at which candidates disagree. Twin: `tests/reference/candidates.py`.

Axes: N histories, M of them, T transitions, C versions of candidates, A actions, E noises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from adfast.evaluation.recorder import Trajectories
from adfast.machine.compiled_code import compiled
from adfast.probes.followers.follower import Follower, Moment
from adfast.probes.followers.noise import NOISES
from adfast.tasks.transition_schema import BOUNDARY_INSIDE

PHASES = ("before", "at", "after")  # the first reward: later in its episode is "at"


def scored(
    followers: Sequence[Follower],
    trajectories: Trajectories,
    disagreement: float,
    itself: Follower | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Bits float64 `[N, 3, C, E]` by the phases, and how many steps were scored, `[N, 3]`.

    C counts the versions of all `followers`. `trajectories` are of N tasks and one seed. Candidates
    disagree where the total variation between what two versions would do exceeds `disagreement`.
    Who acted `itself`, if given, has the last place of C, and no say in that.
    """
    num_histories = len(trajectories.action)
    everyone = list(followers) if itself is None else [*followers, itself]
    num_versions = sum(follower.versions for follower in followers)
    num_scored = sum(follower.versions for follower in everyone)
    bits = np.zeros((num_histories, len(PHASES), num_scored, len(NOISES)))
    steps = np.zeros((num_histories, len(PHASES)))
    phase = np.zeros(num_histories, np.int64)
    for now in moments(trajectories):
        found = [said for follower in everyone for said in follower.follow(now)]
        chances = np.stack([chances for chances, _ in found[:num_versions]])
        taken = np.empty((len(found), len(now.rows), len(NOISES)))
        for place, (_, chance) in enumerate(found):
            taken[place] = chance
        add_bits(now.rows, phase[now.rows], chances, taken, NOISES, disagreement, bits, steps)
        phase[now.rows[(now.reward > 0) & (phase[now.rows] == 0)]] = 1
        ended = now.rows[now.ends_episode]
        phase[ended] = np.where(phase[ended] == 1, 2, phase[ended])
    return bits, steps


def moments(trajectories: Trajectories) -> Iterator[Moment]:
    """One `Moment` after another, of all N histories that are not over."""
    action, length = trajectories.action[:, 0], trajectories.length[:, 0].astype(np.int64)
    observation, reward = trajectories.observation[:, 0], trajectories.reward[:, 0]
    boundary = trajectories.boundary[:, 0]
    episode = np.zeros(len(action), np.int64)
    step = np.zeros_like(episode)
    is_real = reward.dtype.kind == "f"
    rows = np.flatnonzero(episode < action.shape[1])
    while rows.size:
        e, s = episode[rows], step[rows]
        ends = s + 1 == length[rows, e]
        paid = reward[rows, e, s]
        yield Moment(
            rows=rows,
            episode=e,
            episode_step=s,
            observation=observation[rows, e, s].astype(np.int64),
            action=action[rows, e, s].astype(np.int64),
            reward=paid if is_real else paid.astype(np.int64),
            next_observation=observation[rows, e, s + 1].astype(np.int64),
            boundary=np.where(ends, boundary[rows, e], BOUNDARY_INSIDE).astype(np.int64),
        )
        step[rows] = np.where(ends, 0, s + 1)
        episode[rows] += ends
        rows = rows[episode[rows] < action.shape[1]]


@compiled
def add_bits(
    rows: np.ndarray,
    phase: np.ndarray,
    chances: np.ndarray,
    taken: np.ndarray,
    noises: np.ndarray,
    disagreement: float,
    bits: np.ndarray,
    steps: np.ndarray,
) -> None:
    """Add to `bits` and `steps` what a step of the histories `rows` says, where it is scored.

    `taken` has a further place where who acted itself is scored, too.
    """
    num_versions, num_actions = chances.shape[0], chances.shape[2]
    for place in range(rows.shape[0]):
        row, when = rows[place], phase[place]
        differs = False
        for c in range(num_versions):
            for d in range(c):
                distance = 0.0
                for a in range(num_actions):
                    distance += abs(chances[c, place, a] - chances[d, place, a])
                if distance > 2.0 * disagreement:
                    differs = True
                    break
            if differs:
                break
        if not differs:
            continue
        steps[row, when] += 1.0
        for c in range(taken.shape[0]):
            for e in range(noises.shape[0]):
                chance = (1.0 - noises[e]) * taken[c, place, e] * num_actions + noises[e]
                bits[row, when, c, e] += np.log2(chance)
