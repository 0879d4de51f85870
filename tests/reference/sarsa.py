"""Plain-Python twin of tabular SARSA: one whole learning history."""

from __future__ import annotations

from collections import defaultdict

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey, uniform


def sarsa_history(
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

    def choose(here, epsilon, clock):
        key = step_key(offset, mask, clock)
        pick = subkey(key, 0)
        if uniform(key) < epsilon:
            return bounded(pick, num_actions)
        ties = [a for a in range(num_actions) if here[a] == max(here)]
        return ties[bounded(pick, len(ties))]

    def expected(there, epsilon):
        total = 0.0
        for value in there:  # sum() rounds less
            total += value
        return max(there) + epsilon * (total / num_actions - max(there))

    def learn(here, action, target):
        here[action] += learning_rate * (target - here[action])

    writer = HistoryWriter()
    returns = []
    cut_off = None  # the last transition of an episode that the time limit ended
    for episode in range(episodes):
        progress = min(episode / epsilon_episodes, 1.0)
        epsilon = epsilon_start + (epsilon_end - epsilon_start) * progress
        observation = environment.reset()
        here = values[environment.state if reads_state else observation]
        clock = episode * environment.episode_length
        action = choose(here, epsilon, clock)
        if cut_off is not None:
            before, earlier, reward, last = cut_off
            learn(before, earlier, reward + discount * expected(last, epsilon))
            cut_off = None
        total, t, done = 0, 0, False
        while not done:
            after, reward, terminated, truncated = environment.step(action)
            there = values[environment.state if reads_state else after]
            if episode % keep_every == 0:
                writer.append(observation, action, reward, after, terminated, truncated, t)
            total += reward
            t += 1
            done = terminated or truncated
            if terminated:
                learn(here, action, reward)
            elif truncated:
                cut_off = here, action, reward, there
            else:
                then = choose(there, epsilon, clock + t)
                learn(here, action, reward + discount * there[then])
                observation, here, action = after, there, then
        returns.append(total)
    return writer.fields, returns
