"""Plain-Python twin of tabular Q-learning: one whole learning history."""

from __future__ import annotations

from collections import defaultdict

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey, uniform


def q_learning_history(
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
    initial_value=1.0,
    keep_every=1,
    reads="observation",
):
    """The kept rows of the history, as a dict of lists, and the return of every episode.

    What the learner reads is a tuple of integers: the observation, or the environment's `state`.
    """
    num_actions = environment.num_actions
    reads_state = reads == "state"
    values = defaultdict(lambda: [initial_value] * num_actions)
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    writer = HistoryWriter()
    returns = []
    for episode in range(episodes):
        progress = min(episode / epsilon_episodes, 1.0)
        epsilon = epsilon_start + (epsilon_end - epsilon_start) * progress
        observation = environment.reset()
        here = values[environment.state if reads_state else observation]
        total, t, done = 0, 0, False
        while not done:
            key = step_key(offset, mask, episode * environment.episode_length + t)
            pick = subkey(key, 0)
            if uniform(key) < epsilon:
                action = bounded(pick, num_actions)
            else:
                best = max(here)
                ties = [a for a in range(num_actions) if here[a] == best]
                action = ties[bounded(pick, len(ties))]
            after, reward, terminated, truncated = environment.step(action)
            there = values[environment.state if reads_state else after]
            target = reward + (0.0 if terminated else discount * max(there))
            here[action] += learning_rate * (target - here[action])
            if episode % keep_every == 0:
                writer.append(observation, action, reward, after, terminated, truncated, t)
            total += reward
            t += 1
            observation, here = after, there
            done = terminated or truncated
        returns.append(total)
    return writer.fields, returns
