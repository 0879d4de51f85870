"""Plain-Python twin of tabular Q-learning: one whole learning history."""

from __future__ import annotations

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey, uniform


def q_learning_history(
    environment,
    *,
    observation_sizes,
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
):
    """The kept rows of the history, as a dict of lists, and the return of every episode."""
    num_actions = environment.num_actions
    rows, columns = observation_sizes
    values = [[initial_value] * num_actions for _ in range(rows * columns)]
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    writer = HistoryWriter()
    returns = []
    for episode in range(episodes):
        progress = min(episode / epsilon_episodes, 1.0)
        epsilon = epsilon_start + (epsilon_end - epsilon_start) * progress
        observation = environment.reset()
        total, t, done = 0, 0, False
        while not done:
            here = values[observation[0] * columns + observation[1]]
            key = step_key(offset, mask, episode * environment.episode_length + t)
            pick = subkey(key, 0)
            if uniform(key) < epsilon:
                action = bounded(pick, num_actions)
            else:
                best = max(here)
                ties = [a for a in range(num_actions) if here[a] == best]
                action = ties[bounded(pick, len(ties))]
            after, reward, terminated, truncated = environment.step(action)
            future = max(values[after[0] * columns + after[1]])
            target = reward + (0.0 if terminated else discount * future)
            here[action] += learning_rate * (target - here[action])
            if episode % keep_every == 0:
                writer.append(observation, action, reward, after, terminated, truncated, t)
            total += reward
            t += 1
            observation = after
            done = terminated or truncated
        returns.append(total)
    return writer.fields, returns
