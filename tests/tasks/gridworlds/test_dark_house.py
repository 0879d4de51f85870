"""Dark House: its twin, its goals, its optimum, and what there is to be remembered."""

from functools import partial

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from reference.dark_house import DarkHouseReference, goal_of
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


@every_variant("dark-house")
def test_long_random_run_matches_reference(options):
    family = tasks.make("dark-house", **options)
    task_ids = np.arange(13) * 5 % family.num_tasks
    seen = assert_follows_twin(family, partial(DarkHouseReference, **options), task_ids, 8)
    rooms = {room for _, _, room in seen}
    assert len(rooms) >= min(options.get("rooms", 8), 4) - 1


def test_goals_are_those_of_the_reference_and_spread_over_all_cells():
    family = tasks.make("dark-house", size=5, rooms=6)
    goals = family.goal_cells(np.arange(1024))
    assert goals.shape == (1024, 6)
    assert [divmod(cell, 5) for cell in goals[17]] == [goal_of(17, r, 5) for r in range(6)]
    counts = np.bincount(goals.ravel(), minlength=25)
    assert abs(counts - goals.size / 25).max() < 5 * (goals.size / 25) ** 0.5


def test_goals_do_not_depend_on_the_number_of_rooms_or_houses():
    few = tasks.make("dark-house", rooms=3, houses=4).goal_cells(np.arange(4))
    many = tasks.make("dark-house", rooms=9, houses=99).goal_cells(np.arange(99))
    np.testing.assert_array_equal(few, many[:4, :3])


@pytest.mark.parametrize("options", [{"size": 5}, {"size": 5, "start": "random"}])
def test_optimum_is_what_the_expert_earns(options):
    family = tasks.make("dark-house", rooms=4, houses=8, episode_length=7, **options)
    ids = np.repeat(np.arange(8), 40)
    returns = source_algorithms.make("optimal").returns(family, ids, np.arange(320), 25, seed=0)
    error = returns.mean() - family.optimal_return(ids).mean()
    assert abs(error) < 4 * returns.std() / returns.size**0.5


def test_schema_shows_the_room_and_state_keeps_it():
    family = tasks.make("dark-house", size=6, rooms=300, reward="once")
    assert family.observation_sizes == (6, 6, 300)
    assert family.state_sizes == (6, 6, 2, 300)
    assert family.num_tasks == 1024
    assert family.task_label(12) == "house 12"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rooms": 0}, "dark-house: rooms must be greater than or equal to 1, got 0"),
        ({"rooms": 65537}, "rooms must be less than or equal to 65536, got 65537"),
        ({"houses": 1.5}, r"houses must be a whole number, got 1\.5"),
        ({"size": 0}, "size must be greater than or equal to 1, got 0"),
        ({"reward": "twice"}, "reward must be 'every-step' or 'once', got 'twice'"),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("dark-house", **options)
