"""Plain-Python twin of posterior sampling in Dark Room: every room that may be is stepped along."""

from __future__ import annotations

import copy

from reference.expert import best_actions
from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey


def rooms_of(room):
    """One room for each goal, otherwise as `room`, which has begun no episode."""
    rooms = []
    for task_id in range(room.size**2):
        rooms.append(copy.copy(room))
        rooms[-1].goal = divmod(task_id, room.size)
    return rooms


def posterior_sampling_history(
    environment, *, episodes, seed, random_stream, redraws=False, keep_every=1, labelled=False
):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    rooms = rooms_of(environment)
    possible = list(range(len(rooms)))
    writer, returns = HistoryWriter(), []
    for episode in range(episodes):
        observation = environment.reset()
        starts = [room.reset() for room in rooms]
        possible = [n for n in possible if starts[n] == observation]
        total, t, done, drawn = 0, 0, False, None
        while not done:
            key = step_key(offset, mask, episode * environment.episode_length + t)
            if drawn is None:
                drawn = possible[bounded(subkey(key, 1), len(possible))]
            best = best_actions(rooms[drawn], environment.episode_length - t)
            action = best[bounded(subkey(key, 0), len(best))]
            seen = environment.step(action)
            would_see = [room.step(action) for room in rooms]
            possible = [n for n in possible if would_see[n][:3] == seen[:3]]
            if redraws and would_see[drawn][:3] != seen[:3]:
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
