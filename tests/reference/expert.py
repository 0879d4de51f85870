"""Plain-Python twin of the (annealed) expert: by distance in Dark Room, by a map on a lake."""

from __future__ import annotations

from reference.frozen_lake import MOVES
from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, bounded, step_key, stream_key, subkey, uniform


def best_actions(room, steps_left):
    """The actions after which the most reward is still within reach, in the order of their number.

    `steps_left` counts the step about to be taken.
    """
    reachable = []
    for down, right in room.displacements:
        row = min(max(room.cell[0] + down, 0), room.size - 1)
        column = min(max(room.cell[1] + right, 0), room.size - 1)
        distance = abs(row - room.goal[0]) + abs(column - room.goal[1])
        arrived = max(steps_left - distance, 0)  # rewards when walking straight and then staying
        if room.reward == "once" or room.terminate_at_goal:
            arrived = 0 if room.paid else min(arrived, 1)
        reachable.append(arrived)
    return [a for a, value in enumerate(reachable) if value == max(reachable)]


def best_moves(lake, steps_left):
    """The moves after which the goal is most likely reached, in the order of their number."""
    cells = [(row, column) for row in range(lake.size) for column in range(lake.size)]
    values = dict.fromkeys(cells, 0.0)
    for _ in range(steps_left):
        of_moves = {cell: [worth(lake, cell, move, values) for move in MOVES] for cell in cells}
        values = {cell: max(of_moves[cell]) for cell in cells}
    return [move for move in MOVES if of_moves[lake.cell][move] == values[lake.cell]]


def worth(lake, cell, move, values):
    """The probability to reach the goal by a move, on slippery ice the mean over its three ways."""
    ways = [(1 / 3, turn) for turn in (-1, 0, 1)] if lake.is_slippery else [(1, 0)]
    expected = 0.0
    for probability, turn in ways:
        after = lake.after(cell, (move + turn) % 4)
        letter = lake.map[after[0]][after[1]]
        expected += probability * {"G": 1, "H": 0}.get(letter, values[after])
    return expected


def expert_history(environment, *, noise, seed, random_stream, best_actions=best_actions):
    """The rows of a history whose episode i acts at random with probability `noise[i]`."""
    offset, mask = stream_key(seed, BEHAVIOUR, random_stream)
    writer = HistoryWriter()
    for episode, probability in enumerate(noise):
        observation = environment.reset()
        t, done = 0, False
        while not done:
            key = step_key(offset, mask, episode * environment.episode_length + t)
            pick = subkey(key, 0)
            if uniform(key) < probability:
                action = bounded(pick, environment.num_actions)
            else:
                best = best_actions(environment, environment.episode_length - t)
                action = best[bounded(pick, len(best))]
            after, reward, terminated, truncated = environment.step(action)
            writer.append(observation, action, reward, after, terminated, truncated, t)
            t += 1
            observation = after
            done = terminated or truncated
    return writer.fields
