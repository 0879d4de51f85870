"""The water maze: its twin, its walls, its platforms, and how good one can be."""

from functools import partial

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.simulators import BatchSimulator
from adfast.tasks.mazes.arena import CENTRE, CLEARANCE, NORMALS_X, NORMALS_Y, ONE, UNIT
from reference.water_maze import WaterMazeReference
from tasks.long_run import assert_follows_twin
from tasks.twins import every_variant


@every_variant("water-maze")
def test_long_random_run_matches_reference(options):
    family = tasks.make("water-maze", **options)
    task_ids = np.arange(11) * 29 % family.num_tasks
    assert_follows_twin(family, partial(WaterMazeReference, **options), task_ids, episodes=12)


def test_nobody_walks_through_a_wall_and_all_slide_along():
    family = tasks.make("water-maze", stride=300, turn=35, episode_length=200)
    simulator = BatchSimulator(family, np.zeros(64, int))
    x, y, _ = simulator.reset().astype(np.int64).T - CENTRE
    moved = []
    for actions in np.random.default_rng(0).integers(4, size=(199, 64)):
        before = np.stack([x, y])
        x, y, _ = simulator.step(actions).observation.astype(np.int64).T - CENTRE
        moved.append((np.stack([x, y]) != before).any(axis=0))
        to_walls = 760 * UNIT - (np.outer(x, NORMALS_X) + np.outer(y, NORMALS_Y)) / ONE
        assert to_walls.min() > CLEARANCE * UNIT - 2
    assert np.mean(moved) > 0.8


def test_somebody_who_walks_straight_on_enters_the_platform_and_is_paid_once():
    family = tasks.make("water-maze")
    east = np.flatnonzero((family.platforms == (320, 0)).all(axis=1))
    simulator = BatchSimulator(family, east)
    simulator.reset()
    rewards = [int(simulator.step([0]).reward[0]) for _ in range(50)]
    assert rewards == [0] * 12 + [1] + [0] * 37  # 13 steps of 20 units to within 64 of 320


def test_platforms_lie_where_they_may():
    family = tasks.make("water-maze", platform_spacing=40, least_distance=200)
    distance = np.hypot(*family.platforms.T)
    assert distance.min() >= 200
    assert distance.max() <= 580
    assert len(np.unique(family.platforms, axis=0)) == family.num_tasks
    assert tasks.make("water-maze").num_tasks == 1041
    sides = np.sign(family.platforms[:, 0])
    np.testing.assert_array_equal(family.halves(np.arange(family.num_tasks)), sides)
    assert family.task_label(0) == "platform 120 west, 560 south"


@pytest.mark.parametrize("first_heading", ["fixed", "random"])
def test_every_platform_is_within_reach(first_heading):
    family = tasks.make("water-maze", first_heading=first_heading)
    assert family.optimal_return(np.arange(family.num_tasks)).min() == 1


def test_platforms_out_of_reach_earn_nothing():
    family = tasks.make("water-maze", episode_length=10)
    optimum = family.optimal_return(np.arange(family.num_tasks))
    distance = np.hypot(*family.platforms.T)
    assert (optimum[distance > 10 * 20 + 64] == 0).all()
    assert (optimum[distance < 190] == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"picture": (0, 32)}, r"picture.*0.* must be greater than or equal to 1, got 0"),
        ({"picture": (24, 4096)}, r"picture.*1.* must be less than or equal to 1024, got 4096"),
        ({"picture": [24, 32, 3]}, "picture"),
        ({"field_of_view": 180}, "field_of_view must be less than or equal to 179, got 180"),
        ({"stride": 0}, "stride must be greater than or equal to 1, got 0"),
        ({"turn": 0}, "turn must be greater than or equal to 1, got 0"),
        (
            {"least_distance": 575, "platform_spacing": 500},
            "least_distance must leave a platform within 580 units of the centre, got 575",
        ),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("water-maze", **options)


@pytest.mark.parametrize("options", [{}, {"cell_side": 57, "turn": 45}, {"cell_side": 760}])
def test_cells_hold_all_positions_and_the_centre_is_in_the_middle_of_one(options):
    family = tasks.make("water-maze", **options)
    cell, side = family.cell, family.cell_side * UNIT
    ends = [0, CENTRE - side // 2, CENTRE, CENTRE + side // 2 - 1, 2 * CENTRE]
    apart = 360 // family.headings
    found = [cell((0, 0), (end, 2 * CENTRE - end, 360 - apart, 1)) for end in ends]
    columns, rows, headings, paid = zip(*found, strict=True)
    last = family.cell_sizes[0] - 1
    assert columns[1] == columns[2] == columns[3] == rows[2] == last // 2
    assert 0 <= columns[0] == last - columns[4] <= last // 2
    assert 0 <= rows[4] <= rows[2] <= rows[0] <= last
    assert set(headings) == {family.headings - 1}
    assert set(paid) == {1}


def test_source_finds_platforms_far_away():
    family = tasks.make("water-maze")
    task_ids = np.flatnonzero(np.hypot(*family.platforms.T) > 300)[::40]
    options = {"epsilon_start": 0.05, "kept_steps": 25, "reads": "cell"}
    learner = source_algorithms.make("q-lambda", **options)
    returns = learner.returns(family, task_ids, task_ids, 300, seed=0)
    assert returns[:, :5].mean() < 0.2
    assert returns[:, -50:].mean() > 0.85


def test_expert_enters_every_platform():
    family, ids = tasks.make("water-maze", first_heading="random"), np.arange(0, 1041, 20)
    returns = source_algorithms.make("optimal").returns(family, ids, ids, 2, seed=0)
    np.testing.assert_array_equal(returns, 1)


def test_the_papers_data_are_less_than_half_a_gigabyte():
    transitions = 4_000 * 100 * 50
    assert tasks.make("water-maze").transition_schema.bytes_per_transition * transitions < 0.5e9


@pytest.mark.parametrize("spacing", [32, 90])
def test_map_has_north_on_top_and_the_platform_where_it_lies(spacing):
    family = tasks.make("water-maze", platform_spacing=spacing)
    for task_id in (0, family.num_tasks // 3, family.num_tasks - 1):
        plan = family.task_map(task_id)
        ((row, column),) = plan.goals()
        there = np.append(family.task_parameters([task_id])[0], 0)
        assert [int(place) for place in plan.places(there)] == [row, column]
        around = {(mark.row, mark.column) for mark in plan.landmarks}
        assert {abs(row - r) for r, _ in around} | {abs(column - c) for _, c in around} <= {0, 1, 2}
        assert 9 <= len(around) <= 17
    seen = np.array([[CENTRE, CENTRE + 300 * UNIT, 0], [CENTRE - 300 * UNIT, CENTRE, 0]])
    rows, columns = plan.places(seen)
    assert rows[0] < plan.rows // 2 == columns[0]
    assert columns[1] < plan.columns // 2 == rows[1]
