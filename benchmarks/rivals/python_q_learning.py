"""Tabular Q-learning in plain Python with Python's own random numbers.

The twin in `tests/reference/` computes adfast's keyed random numbers in Python integers, which
costs it more than half of its time. A user would not, so this rival does not.
"""

from __future__ import annotations

from random import Random
from typing import Any


def q_learning_history(
    room: Any,
    *,
    columns: int,
    num_observations: int,
    episodes: int,
    random: Random,
    learning_rate: float,
    discount: float,
    epsilon_start: float,
    epsilon_end: float,
    epsilon_episodes: int,
    initial_value: float,
) -> tuple[list[tuple[Any, ...]], list[float]]:
    """The rows of one history in the order of the schema, and the return of every episode."""
    num_actions = room.num_actions
    values = [[initial_value] * num_actions for _ in range(num_observations)]
    uniform = random.random
    rows: list[tuple[Any, ...]] = []
    returns = []
    for episode in range(episodes):
        progress = min(episode / epsilon_episodes, 1.0)
        epsilon = epsilon_start + (epsilon_end - epsilon_start) * progress
        row, column = observation = room.reset()
        here = values[row * columns + column]
        total, t, boundary = 0.0, 0, 0
        while not boundary:
            if uniform() < epsilon:
                action = int(uniform() * num_actions)
            else:
                best = max(here)
                ties = [a for a, value in enumerate(here) if value == best]
                action = ties[int(uniform() * len(ties))]
            after, reward, terminated, truncated = room.step(action)
            row, column = after
            there = values[row * columns + column]
            target = reward if terminated else reward + discount * max(there)
            here[action] += learning_rate * (target - here[action])
            boundary = 1 if terminated else 2 if truncated else 0
            rows.append((observation, action, reward, after, boundary, t))
            total += reward
            t += 1
            observation, here = after, there
        returns.append(total)
    return rows, returns
