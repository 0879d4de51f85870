"""What a window is worth at most: theory beside somebody who remembers no further, simulated."""

import numpy as np
import pytest

from adfast import tasks
from adfast.runs.scaling.recall import known_share, met_share, recall_of


@pytest.fixture(scope="module")
def house():
    return recall_of(tasks.make("dark-house", size=5, episode_length=10, rooms=8, houses=1040))


def test_dark_house_is_worth_what_its_own_numbers_say(house):
    windows = np.array([20, 40, 80, 160, 320])
    assert house.random == pytest.approx(0.4, abs=0.02)
    assert house.optimum == pytest.approx(8.6, abs=0.1)
    assert house.share(windows) == pytest.approx([0.06, 0.13, 0.29, 0.62, 0.94], abs=0.01)
    assert house.returns(windows)[-1] == pytest.approx(8.09, abs=0.15)


def test_half_of_it_all_is_reached_at_the_knee(house):
    assert house.knee == pytest.approx(130, abs=3)
    assert house.share(np.array([house.knee])) == pytest.approx(0.5)


@pytest.mark.parametrize("window", [2, 8, 20])
def test_known_rooms_are_those_of_a_searcher_with_such_a_memory(window):
    rooms, found, episodes = 8, 0.21, 40_000
    draw = np.random.default_rng(window)
    room = draw.integers(rooms, size=episodes)
    lucky = draw.random(episodes) < found
    reached, known = np.zeros(episodes, bool), np.zeros(episodes, bool)
    for now in range(episodes):
        before = slice(max(now - window, 0), now)
        known[now] = (reached[before] & (room[before] == room[now])).any()
        reached[now] = known[now] or lucky[now]
    theory = known_share(met_share(rooms, window), found)
    # Theory asks of the last visit alone, so it is a little below.
    assert theory <= known[window:].mean() + 0.01
    assert known[window:].mean() == pytest.approx(theory, abs=0.05)


def test_of_key_to_door_both_ends_are_known_and_nothing_between():
    recall = recall_of(tasks.make("key-to-door", size=5, episode_length=20))
    share = recall.share(np.array([5, 10, 20, 28, 100]))
    assert np.array_equal(share, [0, 0, np.nan, 1, 1], equal_nan=True)
    assert recall.knee == 20
    assert (recall.optimum, recall.random < 0.6) == (2, True)


def test_of_other_families_nothing_is_known():
    assert recall_of(tasks.make("dark-room")) is None
