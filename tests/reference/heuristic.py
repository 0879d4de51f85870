"""Plain-Python twin of the agents that walk over a room, one environment at a time."""

from __future__ import annotations

import math
from collections import defaultdict

from reference.action_sampling import sample_action


def towards(size, displacements, cell, wanted):
    """For each action 1.0 if it is the first of a shortest way to a cell of `wanted`, else 0.0."""
    left = []
    for down, right in displacements:
        row, column = cell[0] + down, cell[1] + right
        row, column = min(max(row, 0), size - 1), min(max(column, 0), size - 1)
        left.append(min(abs(row - r) + abs(column - c) for r, c in wanted))
    return [float(steps == min(left)) for steps in left]


class Anything:
    """Explores by any action."""

    def begin_episode(self):
        pass

    def chances(self, room, cell, view):
        return [1.0] * len(room.displacements)

    def learn(self, room, view, entered, reward, given_up):
        pass


class New(Anything):
    """Explores the cells not yet entered."""

    def __init__(self):
        self.entered = defaultdict(set)

    def chances(self, room, cell, view):
        return towards(room.size, room.displacements, cell, room.cells - self.entered[view])

    def learn(self, room, view, entered, reward, given_up):
        self.entered[view].add(entered)
        if given_up or len(self.entered[view]) == len(room.cells):
            self.entered[view].clear()


class Away(Anything):
    """Explores the cells that this episode and the last ones have not entered since a reward."""

    def __init__(self, episodes):
        self.episodes = episodes
        self.episode = -1
        self.last = defaultdict(dict)

    def begin_episode(self):
        self.episode += 1

    def chances(self, room, cell, view):
        since = {at: self.episode - self.last[view].get(at, -(10**9)) for at in room.cells}
        wanted = {at for at in room.cells if since[at] > self.episodes}
        return towards(room.size, room.displacements, cell, wanted or room.cells)

    def learn(self, room, view, entered, reward, given_up):
        self.last[view][entered] = self.episode
        if reward > 0:
            self.last[view].clear()


class Walk:
    """A room's cells and moves."""

    def __init__(self, size, displacements):
        self.size, self.displacements = size, displacements
        self.cells = {(row, column) for row in range(size) for column in range(size)}


def walk(
    environment,
    explorer,
    *,
    episodes,
    seed,
    random_stream,
    patience=1,
    optimum=None,
    judged_episodes=2,
    improvement=0.0,
    late=0,
):
    """The actions of the history, and the return of every episode.

    With an `optimum` the walker is as competent as its last episodes, and `improvement` more. In
    the first `late` episodes it takes any action.
    """
    room = Walk(environment.size, environment.displacements)
    goal, unpaid = {}, defaultdict(int)
    actions, returns, draw = [], [], 0
    for _ in range(episodes):
        observation, done, total = environment.reset(), False, 0
        explorer.begin_episode()
        has_paid, is_done = defaultdict(bool), defaultdict(bool)
        while not done:
            cell, view = tuple(observation[:2]), tuple(observation[2:])
            if view in goal and not is_done[view]:
                chances = towards(room.size, room.displacements, cell, {goal[view]})
                if optimum is not None:
                    last = returns[-judged_episodes:]
                    share = sum(last) / max(len(last), 1) / optimum
                    share = min(min(max(share, 0.0), 1.0) + improvement, 1.0)
                    chances = [
                        share * chance / sum(chances) + (1 - share) / len(chances)
                        for chance in chances
                    ]
            else:
                chances = explorer.chances(room, cell, view)
            if len(returns) < late:
                chances = [1.0] * len(chances)
            logits = [math.log(chance) if chance else -math.inf for chance in chances]
            action = sample_action(logits, 1.0, seed, random_stream, draw)
            observation, reward, terminated, truncated = environment.step(action)
            entered, given_up = tuple(observation[:2]), False
            if reward > 0:
                goal[view], unpaid[view], has_paid[view] = entered, 0, True
            elif goal.get(view) == entered and has_paid[view]:
                is_done[view] = True
            elif goal.get(view) == entered:
                unpaid[view] += 1
            if reward <= 0 and goal.get(view) == entered and patience is not None:
                given_up = unpaid[view] >= patience
                if given_up:
                    del goal[view]
                    unpaid[view] = 0
            explorer.learn(room, view, entered, reward, given_up)
            actions.append(action)
            total += reward
            draw += 1
            done = terminated or truncated
        returns.append(total)
    return actions, returns
