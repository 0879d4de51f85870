"""Plain-Python twin of the heuristic as a learner: one whole history."""

from __future__ import annotations

from collections import defaultdict

from reference.heuristic import Walk, towards
from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey


def heuristic_history(environment, *, episodes, seed, random_stream, patience=1, keep_every=1):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""
    room = Walk(environment.size, environment.displacements)
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    writer, returns = HistoryWriter(), []
    goal, unpaid = {}, defaultdict(int)
    for episode in range(episodes):
        observation, done, total, t = environment.reset(), False, 0, 0
        has_paid, is_done = set(), set()
        while not done:
            cell, view = tuple(observation[:2]), tuple(observation[2:])
            best = range(len(room.displacements))
            if view in goal and view not in is_done:
                chances = towards(room.size, room.displacements, cell, {goal[view]})
                best = [action for action in best if chances[action]]
            key = step_key(offset, mask, episode * environment.episode_length + t)
            action = best[bounded(subkey(key, 0), len(best))]
            after, reward, terminated, truncated = environment.step(action)
            entered = tuple(after[:2])
            if reward > 0:
                goal[view], unpaid[view] = entered, 0
                has_paid.add(view)
            elif goal.get(view) == entered and view in has_paid:
                is_done.add(view)
            elif goal.get(view) == entered:
                unpaid[view] += 1
                if unpaid[view] == patience:
                    del goal[view]
                    unpaid[view] = 0
            if episode % keep_every == 0:
                writer.append(observation, action, reward, after, terminated, truncated, t)
            total += reward
            t += 1
            observation, done = after, terminated or truncated
        returns.append(total)
    return writer.fields, returns
