"""Plain-Python twin of the agent that goes to a memorised goal of Dark Room."""

from __future__ import annotations

from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey


def memorised_goal_returns(
    environment, training_tasks, *, episodes, seed, random_stream, each_episode=False
):
    """The return of every episode."""
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    size, length = environment.size, environment.episode_length
    returns, goal = [], None
    for episode in range(episodes):
        (row, column), total = environment.reset(), 0
        for t in range(length):
            key = step_key(offset, mask, episode * length + t)
            if goal is None or (each_episode and t == 0):
                place = bounded(subkey(key, 1), len(training_tasks))
                goal = divmod(training_tasks[place], size)
            worth = []
            for down, right in environment.displacements:
                then = min(max(row + down, 0), size - 1), min(max(column + right, 0), size - 1)
                steps = abs(then[0] - goal[0]) + abs(then[1] - goal[1])
                worth.append(max(length - t - steps, 0))
            best = [a for a, value in enumerate(worth) if value == max(worth)]
            action = best[bounded(subkey(key, 0), len(best))]
            (row, column), reward, *_ = environment.step(action)
            total += reward
        returns.append(total)
    return returns
