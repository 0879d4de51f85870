"""Plain-Python twin of UCB1: one whole learning history."""

from __future__ import annotations

import math

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, logarithm, step_key, stream_key, subkey


def arm_history(environment, choose, *, episodes, seed, random_stream, keep_every=1):
    """The kept rows of a history, and the return of every episode.

    `choose(pulls, paid, key)` takes the pulls of each arm, and how many of them paid.
    """
    pulls, paid = ([0] * environment.num_actions for _ in range(2))
    stream = stream_key(seed, BEHAVIOUR, random_stream)
    writer, returns = HistoryWriter(), []
    for episode in range(episodes):
        observation, total, t, done = environment.reset(), 0, 0, False
        while not done:
            key = step_key(*stream, episode * environment.episode_length + t)
            arm = choose(pulls, paid, key)
            after, reward, terminated, truncated = environment.step(arm)
            pulls[arm] += 1
            paid[arm] += reward > 0
            if episode % keep_every == 0:
                writer.append(observation, arm, reward, after, terminated, truncated, t)
            observation, total, t = after, total + reward, t + 1
            done = terminated or truncated
        returns.append(total)
    return writer.fields, returns


def ucb1_history(environment, *, confidence=2.0, **history):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""

    def choose(pulls, paid, key):
        width = confidence * logarithm(max(sum(pulls), 1))
        bounds = [
            successes / n + math.sqrt(width / n) if n else math.inf
            for n, successes in zip(pulls, paid, strict=True)
        ]
        ties = [arm for arm, bound in enumerate(bounds) if bound == max(bounds)]
        return ties[bounded(subkey(key, 0), len(ties))]

    return arm_history(environment, choose, **history)
