"""Plain-Python twin of tabular Q(lambda): one whole learning history."""

from __future__ import annotations

from collections import defaultdict

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey, uniform


def q_lambda_history(
    environment,
    *,
    episodes,
    seed,
    random_stream,
    learning_rate=0.5,
    discount=0.95,
    epsilon_start=0.3,
    epsilon_end=0.0,
    epsilon_episodes=200,
    initial_value=0.0,
    trace=0.9,
    kept_steps=10,
    keep_every=1,
):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""
    num_actions = environment.num_actions
    values = defaultdict(lambda: [initial_value] * num_actions)
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    writer = HistoryWriter()
    returns, steps = [], []

    def learn(*, is_end):
        reached = None
        for here, action, reward, there in reversed(steps):
            future = max(values[there])
            if reached is None:
                reached = future = 0.0 if is_end else future
            reached = reward + discount * (future + trace * (reached - future))
            values[here][action] += learning_rate * (reached - values[here][action])
        steps.clear()

    for episode in range(episodes):
        progress = min(episode / epsilon_episodes, 1.0)
        epsilon = epsilon_start + (epsilon_end - epsilon_start) * progress
        here = environment.reset()
        learn(is_end=False)  # from an episode that the time limit ended
        total, t, done = 0, 0, False
        kept, left, is_random = 0, 0, False
        while not done:
            key = step_key(offset, mask, episode * environment.episode_length + t)
            best = max(values[here])
            if left > 0 and (is_random or values[here][kept] == best):
                action, left = kept, left - 1
            else:
                is_random = uniform(key) < epsilon
                if is_random:
                    action = bounded(subkey(key, 0), num_actions)
                else:
                    ties = [a for a in range(num_actions) if values[here][a] == best]
                    action = ties[bounded(subkey(key, 0), len(ties))]
                kept, left = action, bounded(subkey(key, 1), kept_steps)
            there, reward, terminated, truncated = environment.step(action)
            steps.append((here, action, reward, there))
            if terminated:
                learn(is_end=True)
            if episode % keep_every == 0:
                writer.append(here, action, reward, there, terminated, truncated, t)
            total += reward
            t += 1
            here = there
            done = terminated or truncated
        returns.append(total)
    return writer.fields, returns
