"""Dark Room: its tasks, options and exact optimum. Its physics: see test_batch_simulator."""

from functools import cache

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from pairwise import every_pair
from reference.dark_room import VARIANTS, DarkRoomReference


def test_task_id_numbers_goals_by_row_then_column():
    family = tasks.make("dark-room", size=4)
    assert family.num_tasks == 16
    np.testing.assert_array_equal(
        family.task_parameters(np.array([0, 3, 4, 15])), [[0, 0], [0, 3], [1, 0], [3, 3]]
    )


def test_mean_optimum_of_dark_room_is_1340_over_81():
    optimal = tasks.make("dark-room").optimal_return(np.arange(81))
    assert optimal.sum() == 1340
    assert (optimal.min(), optimal.max()) == (13, 20)
    assert np.delete(optimal, 40).mean() == 16.5  # without the goal at the centre


def test_optimum_of_hard_is_one_everywhere():
    hard = tasks.make("dark-room", size=17, reward="once")
    np.testing.assert_array_equal(hard.optimal_return(np.arange(289)), 1)


def optimum_by_exhaustion(task_id, options):
    """The best expected return by trying every action in every cell at every step, in the twin."""
    room = DarkRoomReference(task_id, **options)

    @cache
    def best(cell, paid, steps):
        if steps == room.episode_length:
            return 0
        values = []
        for action in range(room.num_actions):
            room.cell, room.paid, room.steps = cell, paid, steps
            after, reward, terminated, _ = room.step(action)
            values.append(reward + (0 if terminated else best(after, room.paid, steps + 1)))
        return max(values)

    cells = [(row, column) for row in range(room.size) for column in range(room.size)]
    starts = cells if room.start == "random" else [room.start]
    return sum(best(start, False, 0) for start in starts) / len(starts)


@every_pair(
    start=["centre", "corner", "random", (1, 3)],
    reward=["every-step", "once"],
    terminate_at_goal=[False, True],
    episode_length=[1, 5],
)
def test_optimum_is_what_exhaustion_finds(start, reward, terminate_at_goal, episode_length):
    options = {
        "size": 4,
        "start": start,
        "reward": reward,
        "terminate_at_goal": terminate_at_goal,
        "episode_length": episode_length,
    }
    family = tasks.make("dark-room", **options)
    found = [optimum_by_exhaustion(task_id, options) for task_id in range(16)]
    np.testing.assert_allclose(family.optimal_return(np.arange(16)), found, rtol=1e-14)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_schema_and_state_follow_the_options(options):
    family = tasks.make("dark-room", **options)
    size = options.get("size", 9)
    schema = family.transition_schema
    assert schema.observation.sizes == (size, size)
    assert schema.num_actions == family.num_actions == 5
    assert schema.episode_length == family.episode_length == options.get("episode_length", 20)
    assert family.state_sizes == (size, size, 2)[: 3 if options.get("reward") == "once" else 2]


def test_start_may_be_a_list_as_in_toml():
    assert tasks.make("dark-room", start=[0, 3]) == tasks.make("dark-room", start=(0, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "dark-room: size must be greater than or equal to 1, got 0"),
        ({"size": 4097}, "dark-room: size must be less than or equal to 4096, got 4097"),
        ({"size": 9.0}, r"size must be a whole number, got 9\.0"),
        ({"size": True}, "size must be a whole number, got True"),
        ({"episode_length": 0}, "episode_length must be greater than or equal to 1, got 0"),
        ({"start": "center"}, "start must be 'centre', 'corner' or 'random'.* got 'center'"),
        ({"start": (0, 9)}, r"start must be a \(row, column\) in 0\.\.8, got \(0, 9\)"),
        ({"start": [0, -1]}, r"start\[1\] must be greater than or equal to 0, got -1"),
        ({"start": (1,)}, r"start\[1\] must be there"),
        ({"start": {1, 2}}, r"start must be .* got \{1, 2\}"),
        ({"reward": "twice"}, "reward must be 'every-step' or 'once', got 'twice'"),
        ({"terminate_at_goal": 1}, "terminate_at_goal must be true or false, got 1"),
        ({"action_order": "gym"}, "action_order must be 'adfast' or 'dpt', got 'gym'"),
    ],
)
def test_bad_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("dark-room", **options)
