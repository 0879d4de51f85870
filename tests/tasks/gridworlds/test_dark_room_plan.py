"""The ideal learner's returns are what its plan earns when it is walked in the simulator."""

import numpy as np
import pytest

from adfast import tasks
from adfast.simulators import BatchSimulator
from adfast.tasks.gridworlds.dark_room_plan import PLAN, TOTAL_OF_TEN_BOUND, discovery
from adfast.tasks.gridworlds.square_room import ACTION_ORDERS

MOVE_NAMES = {"U": "up", "R": "right", "D": "down", "L": "left"}
EPISODES = 10


@pytest.fixture(scope="module")
def family():
    return tasks.make("dark-room")


class PlanFollower:
    """Walks `PLAN` in every task at once, seeing rewards alone; later goes where they were paid.

    Axes: N tasks.
    """

    def __init__(self, num_tasks, order):
        self.moves = {letter: order.index(name) for letter, name in MOVE_NAMES.items()}
        self.stay = order.index("no-op")
        self.goal = np.full((num_tasks, 2), -1)  # unknown

    def act(self, cells, episode, step):
        actions = np.full(len(cells), self.stay)
        for n, (cell, goal) in enumerate(zip(cells.tolist(), self.goal.tolist(), strict=True)):
            if goal == [-1, -1]:
                if episode < len(PLAN):
                    actions[n] = self.moves[PLAN[episode][step]]
            elif cell != goal:
                down, right = goal[0] - cell[0], goal[1] - cell[1]
                letter = ("D" if down > 0 else "U") if down else ("R" if right > 0 else "L")
                actions[n] = self.moves[letter]
        return actions

    def learn(self, cells, reward):
        self.goal[reward > 0] = cells[reward > 0]


@pytest.mark.parametrize("action_order", ACTION_ORDERS)
def test_returns_are_those_of_the_plan_walked_step_by_step(action_order):
    family = tasks.make("dark-room", action_order=action_order)
    task_ids = np.arange(family.num_tasks)
    simulator = BatchSimulator(family, task_ids)
    follower = PlanFollower(len(task_ids), ACTION_ORDERS[action_order])
    cells = simulator.reset()
    returns = np.zeros((len(task_ids), EPISODES))
    for episode in range(EPISODES):
        for step in range(family.episode_length):
            result = simulator.step(follower.act(cells, episode, step))
            follower.learn(result.final_observation, result.reward)
            returns[:, episode] += result.reward
            cells = result.observation
    expected = family.ideal_learner().returns(task_ids, EPISODES)
    np.testing.assert_array_equal(returns, expected)


def test_plan_covers_every_cell_but_the_start_once_and_stays_inside():
    visited = []
    for path in PLAN:
        row = column = 4
        for move in path:
            row += {"U": -1, "D": 1}.get(move, 0)
            column += {"L": -1, "R": 1}.get(move, 0)
            visited.append((row, column))
    assert len(visited) == len(set(visited)) == 80
    assert set(visited) == {(r, c) for r in range(9) for c in range(9)} - {(4, 4)}


def test_total_of_ten_episodes_is_stated_and_within_the_proven_bound(family):
    returns = family.ideal_learner().returns(np.arange(81), EPISODES).mean(axis=0)
    assert returns.sum() == pytest.approx(135.09, abs=0.005)
    assert returns.sum() <= TOTAL_OF_TEN_BOUND
    assert returns[0] == pytest.approx(210 / 81)  # the best that any first episode earns
    assert returns[-1] == pytest.approx(1340 / 81)  # the optimum
    assert (np.diff(returns) >= 0).all()


def test_discovery_happens_within_the_plan():
    found_in, found_at = discovery()
    assert np.bincount(found_in).tolist() == [20, 20, 20, 20, 1]
    for episode in range(4):
        assert sorted(found_at[found_in == episode]) == list(range(20))


@pytest.mark.parametrize(
    "options", [{"size": 5}, {"episode_length": 30}, {"reward": "once"}, {"start": "corner"}]
)
def test_no_plan_is_known_for_other_rooms(options):
    assert tasks.make("dark-room", **options).ideal_learner() is None


def test_no_plan_is_known_for_other_families():
    assert tasks.make("dark-house", rooms=1, houses=81).ideal_learner() is None
