"""What a window is worth at most, from a family's own numbers.

That searchers with such a memory know as much is a test of the ablations.
"""

import numpy as np
import pytest

from adfast import tasks
from adfast.runs.scaling.recall import recall_of


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


def test_of_key_to_door_both_ends_are_known_and_nothing_between():
    recall = recall_of(tasks.make("key-to-door", size=5, episode_length=20))
    share = recall.share(np.array([5, 10, 20, 28, 100]))
    assert np.array_equal(share, [0, 0, np.nan, 1, 1], equal_nan=True)
    assert recall.knee == 20
    assert (recall.optimum, recall.random < 0.6) == (2, True)


def test_of_other_families_nothing_is_known():
    assert recall_of(tasks.make("dark-room")) is None
