"""Plain-Python twin of posterior sampling: every room that may be is gone along with."""

from __future__ import annotations

import copy

from reference.expert import best_actions
from reference.histories import HistoryWriter
from reference.random_streams import (
    BEHAVIOUR,
    bounded,
    step_key,
    stream_key,
    subkey,
    uniform,
)


def rooms_of(room):
    """One Dark Room for each goal, otherwise as `room`, which has begun no episode."""
    rooms = []
    for task_id in range(room.size**2):
        rooms.append(copy.copy(room))
        rooms[-1].goal = divmod(task_id, room.size)
    return rooms


def walk_along(room, action, seen):
    """Do the same in `room`; how likely what was seen is there."""
    return float(room.step(action)[:3] == seen[:3])


def slide_along(lake, action, seen):
    """The same on slippery ice, where each of three ways is as likely."""
    chance = 0.0
    for turn in (-1, 0, 1):
        after = lake.after(lake.cell, (action + turn) % 4)
        letter = lake.map[after[0]][after[1]]
        chance += 1 / 3 * ((after, int(letter == "G"), letter in "GH") == seen[:3])
    lake.cell = seen[0]
    return chance


def draw_by_weight(weights, key):
    """The place of one of the weights, drawn in proportion."""
    rest = uniform(key) * sum(weights)
    for place, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return place
    return len(weights) - 1


def posterior_sampling_history(
    environment,
    *,
    episodes,
    seed,
    random_stream,
    redraws=False,
    keep_every=1,
    labelled=False,
    rooms_of=rooms_of,
    go_along=walk_along,
    best_actions=best_actions,
):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    rooms = rooms_of(environment)
    weights = dict.fromkeys(range(len(rooms)), 1.0)
    writer, returns = HistoryWriter(), []
    for episode in range(episodes):
        observation = environment.reset()
        starts = [room.reset() for room in rooms]
        weights = {n: weight for n, weight in weights.items() if starts[n] == observation}
        total, t, done, drawn = 0, 0, False, None
        while not done:
            key = step_key(offset, mask, episode * environment.episode_length + t)
            if drawn is None:
                if go_along is walk_along:
                    place = bounded(subkey(key, 1), len(weights))
                else:
                    place = draw_by_weight(list(weights.values()), subkey(key, 1))
                drawn = list(weights)[place]
            best = best_actions(rooms[drawn], environment.episode_length - t)
            action = best[bounded(subkey(key, 0), len(best))]
            seen = environment.step(action)
            chances = [go_along(room, action, seen) for room in rooms]
            weights = {n: weight * chances[n] for n, weight in weights.items() if chances[n]}
            weights = {n: weight / max(weights.values()) for n, weight in weights.items()}
            if redraws and not chances[drawn]:
                drawn = None
            after, reward, terminated, truncated = seen
            if episode % keep_every == 0:
                writer.append(observation, action, reward, after, terminated, truncated, t)
            total += reward
            t += 1
            observation = after
            done = terminated or truncated
        returns.append(total)
    label = {"label": writer.fields["action"]} if labelled else {}
    return writer.fields | label, returns
