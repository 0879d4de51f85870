"""Plain-Python twin of Dark Room's ideal learner, disturbed or not: one whole labelled history."""

from __future__ import annotations

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey, uniform

PATHS = (
    "LUURRRULLLLDDDLDRRDR",
    "DRRRDLLDLLLULLUUUURD",
    "RRRRDDDDLULDLLLLLULD",
    "URRRRULURULLLLLLLLDR",
)
DISPLACEMENTS = {"U": (-1, 0), "R": (0, 1), "D": (1, 0), "L": (0, -1)}
START = (4, 4)


def cells_of(path):
    cell, cells = START, []
    for letter in path:
        down, right = DISPLACEMENTS[letter]
        cell = cell[0] + down, cell[1] + right
        cells.append(cell)
    return cells


CELLS = [cells_of(path) for path in PATHS]


def target_cell(entered, goal, episode):
    """Where the ideal learner goes: to the goal, or to the next cell that nobody has entered."""
    if goal is not None:
        return goal
    first = episode % len(CELLS)
    for path in CELLS[first:] + CELLS[:first]:
        for cell in path:
            if cell not in entered:
                return cell
    return START


def displacement_towards(cell, target):
    """One step of the way, rows first."""
    down, right = target[0] - cell[0], target[1] - cell[1]
    if down:
        return (1 if down > 0 else -1), 0
    return 0, (right > 0) - (right < 0)


def ideal_learner_history(
    environment,
    *,
    episodes,
    seed,
    random_stream,
    noise=0.0,
    others=0.0,
    others_episodes=2,
    keep_every=1,
    labelled=False,
):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    writer, labels, returns = HistoryWriter(), [], []
    entered, goal = set(), None
    first_key = step_key(offset, mask, 0)
    theirs, randomness = 0, 0.0
    if uniform(subkey(first_key, 1)) < others:
        theirs = 1 + bounded(subkey(first_key, 2), others_episodes)
        randomness = uniform(subkey(first_key, 3))
    for episode in range(episodes):
        cell = environment.reset()
        total, t, done = 0, 0, False
        while not done:
            key = step_key(offset, mask, episode * environment.episode_length + t)
            towards = displacement_towards(cell, target_cell(entered, goal, episode))
            label = action = environment.displacements.index(towards)
            if uniform(key) < (max(noise, randomness) if episode < theirs else noise):
                action = bounded(subkey(key, 0), environment.num_actions)
            after, reward, terminated, truncated = environment.step(action)
            entered.add(after)
            if reward:
                goal = after
            if episode % keep_every == 0:
                writer.append(cell, action, reward, after, terminated, truncated, t)
                labels.append(label)
            total += reward
            t += 1
            cell = after
            done = terminated or truncated
        returns.append(total)
    return writer.fields | ({"label": labels} if labelled else {}), returns
