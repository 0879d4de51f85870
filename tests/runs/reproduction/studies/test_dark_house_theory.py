"""What theory says of the context in Dark House is what its assumptions come to when played."""

import numpy as np
import pytest

from adfast import tasks
from adfast.runs.reproduction.studies.ablations import (
    FOUND,
    RANDOM,
    ROOMS,
    STEPS,
    WINDOWS,
    rooms_known,
)
from adfast.simulators import BatchSimulator


def test_random_policy_finds_and_earns_what_is_assumed_of_it():
    generator = np.random.default_rng(0)
    house = tasks.make("dark-house", size=5, episode_length=STEPS, rooms=ROOMS, houses=20_000)
    simulator = BatchSimulator(house, np.arange(house.num_tasks), seed=0)
    simulator.reset()
    rewards = []
    for _ in range(STEPS):
        actions = generator.integers(0, 5, house.num_tasks).astype(np.uint8)
        rewards.append(simulator.step(actions)[1].copy())
    assert np.any(rewards, axis=0).mean() == pytest.approx(FOUND, abs=0.01)
    assert np.sum(rewards, axis=0).mean() == pytest.approx(RANDOM, abs=0.03)


@pytest.mark.parametrize("window", WINDOWS)
def test_goals_are_known_as_often_as_is_said(window):
    generator = np.random.default_rng(window)
    memory, episodes = window // STEPS, 20_000
    room = generator.integers(0, ROOMS, episodes)
    is_lucky = generator.random(episodes) < FOUND
    is_known = np.zeros(episodes, bool)
    for now in range(1, episodes):
        within = slice(max(0, now - memory), now)
        shown = (room[within] == room[now]) & (is_known[within] | is_lucky[within])
        is_known[now] = shown.any()
    assert is_known.mean() == pytest.approx(rooms_known(window), abs=0.03)
