"""The DQN learns from pictures, the same whenever it is asked, and is imported only by name."""

import subprocess
import sys

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument

QUICK = {
    "actors": 4,
    "network": "small",
    "learning_rate": 3e-3,
    "rollout": 6,
    "overlap": 0,
    "replay": 400,
    "epsilon_start": 0.5,
    "epsilon_end": 0.0,
    "epsilon_episodes": 40,
    "kept_steps": 3,
}


def maze(**options):
    """A water maze of few, long steps."""
    small = {"picture": (8, 12), "stride": 150, "episode_length": 6, "terminate_at_goal": True}
    return tasks.make("water-maze", **small | options)


def platform(family, east, north):
    """The id of the task whose platform lies there."""
    (found,) = np.flatnonzero((family.platforms == (east, north)).all(axis=1))
    return int(found)


def learner(**options):
    """A quick one."""
    return source_algorithms.make("dqn", **QUICK | options)


def test_learns_the_way_to_a_platform():
    family = maze()
    task = platform(family, 0, 320)
    returns = learner().returns(family, np.full(4, task), np.arange(4), 60, seed=0)
    assert returns[:, :10].mean() < 0.5
    assert returns[:, -10:].mean() >= 0.8


def test_histories_are_a_function_of_task_stream_and_seed():
    family = maze()
    ids, streams = np.repeat([5, 900], 4), np.arange(8)
    out = family.transition_schema.allocate(8, 12 * 6)
    lengths = learner().learn(family, ids, streams, 12, 3, out)
    again = family.transition_schema.allocate(4, 12 * 6)
    lengths_again = learner().learn(family, ids[4:], streams[4:], 12, 3, again)
    np.testing.assert_array_equal(lengths[4:], lengths_again)
    for name, array in again.items():
        for row, length in enumerate(lengths_again):
            np.testing.assert_array_equal(out[name][4 + row, :length], array[row, :length])
    returns = learner().returns(family, ids, streams, 12, seed=3)
    rewards = [out["reward"][h, :length].sum() for h, length in enumerate(lengths)]
    np.testing.assert_array_equal(returns.sum(axis=1), rewards)
    other = learner().returns(family, ids, streams, 12, seed=4)
    assert (other != returns).any()


def test_published_network_acts_and_learns():
    family = maze(picture=(24, 32))
    options = {"network": "resnet", "actors": 2, "batch_size": 2, "replay": 100}
    returns = learner(**options).returns(family, [7, 7], [0, 1], 4, seed=0)
    assert returns.shape == (2, 4)


def test_every_newest_stretch_is_shown_once_by_default():
    published = source_algorithms.make("dqn")
    assert (published.num_replayed, published.num_updates) == (6, 8)
    assert source_algorithms.make("dqn", updates_per_rollout=3).num_updates == 3
    assert source_algorithms.make("dqn", offline=1.0).num_updates == 16


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("dark-room", "dqn learns from pictures, which dark-room does not show; use a learner of"),
        ("water-maze", "dqn needs pictures of at least 8 x 8 pixels, got 4 x 12 of water-maze"),
    ],
)
def test_family_without_pictures_is_refused(family, message):
    options = {"picture": (4, 12)} if family == "water-maze" else {}
    with pytest.raises(InvalidArgument, match=message):
        learner().check(tasks.make(family, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 6}, "overlap must be less than rollout"),
        ({"replay": 23}, "replay must hold a stretch of each actor, 4 x 6 steps, got 23"),
        ({"network": "huge"}, "dqn: network must be"),
    ],
)
def test_bad_option_is_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        learner(**options)


def test_torch_is_loaded_by_nothing_else():
    script = "import sys; from adfast import source_algorithms as s; s.make('dqn'); s.names();"
    script += "print('torch' in sys.modules)"
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "False\n"
