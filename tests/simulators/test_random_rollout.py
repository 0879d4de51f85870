"""The fused random policy is the simulator fed with its draws, and as good as chance."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.simulators.random_rollout import TILE, random_returns
from reference import random_streams as twin
from reference.dark_room import VARIANTS, DarkRoomReference


@pytest.mark.parametrize("variant", ["dark-room", "terminating"])
def test_returns_match_reference(variant):
    options = VARIANTS[variant]
    family = tasks.make("dark-room", **options)
    task_ids = np.arange(family.num_tasks)[:20]
    returns = random_returns(family, task_ids, episodes=12, seed=3)
    for e, task_id in enumerate(task_ids):
        room = DarkRoomReference(int(task_id), **options, seed=3, random_stream=e)
        stream = twin.stream_key(3, twin.RANDOM_POLICY, e)
        for episode in range(12):
            room.reset()
            total, done = 0, False
            while not done:
                clock = episode * room.episode_length + room.steps
                action = twin.bounded(twin.step_key(*stream, clock), 5)
                _, reward, terminated, truncated = room.step(action)
                total += reward
                done = terminated or truncated
            assert returns[e, episode] == total


def test_random_policy_earns_what_chance_does():
    returns = random_returns(tasks.make("dark-room"), np.arange(81 * 100) % 81, episodes=50)
    standard_error = returns.std() / returns.size**0.5
    assert returns.mean() == pytest.approx(0.247, abs=4 * standard_error + 0.0005)
    assert (returns > 0).mean() == pytest.approx(0.126, abs=0.002)


def test_tiles_change_nothing():
    family = tasks.make("dark-room")
    ids = np.arange(TILE + 50) % 81
    whole = random_returns(family, ids, episodes=4)
    streams = np.arange(TILE - 3, TILE + 50)
    part = random_returns(family, ids[streams], episodes=4, random_streams=streams)
    np.testing.assert_array_equal(whole[streams], part)


def test_bad_arguments_are_refused():
    family = tasks.make("dark-room")
    with pytest.raises(InvalidArgument, match="episodes must be an integer of at least 1, got 0"):
        random_returns(family, np.arange(3), 0)
    with pytest.raises(InvalidArgument, match="one entry for each of the 3 task_ids"):
        random_returns(family, np.arange(3), 1, random_streams=[0])
