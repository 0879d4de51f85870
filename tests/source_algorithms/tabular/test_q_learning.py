"""Compiled Q-learning writes the twin's histories and learns as fast as tabular learners do."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.simulators.episode_ends import episode_ends
from adfast.source_algorithms.tabular.q_learning import QLearning
from reference.dark_room import VARIANTS
from reference.q_learning import q_learning_history
from source_algorithms.compared import require_twin

FAST = {"learning_rate": 0.9, "discount": 0.9, "epsilon_episodes": 7, "initial_value": 0.05}


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("dark-room", {}),
        ("terminating", FAST),
        ("hard", {"epsilon_episodes": 20}),
        ("hard", {"epsilon_episodes": 20, "reads": "state"}),
    ],
    ids=["default", "fast", "reads observations", "reads states"],
)
def test_histories_match_reference(variant, options):
    require_twin("q-learning", q_learning_history, variant, options)


# Options, mean return at 1-based episodes as an independent implementation measured it (rounded,
# and from fewer histories), and the tolerance that its error and ours ask for.
CURVES = {
    "dark-room": (
        {},
        {10: 2.6, 25: 5.5, 50: 9.3, 100: 13.1, 150: 15.0, 200: 16.5, 500: 16.5, 1000: 16.5},
        0.45,
    ),
    "hard": (
        {
            "learning_rate": 0.9,
            "discount": 0.9,
            "epsilon_start": 0.02,
            "epsilon_episodes": 500,
            "initial_value": 0.05,
        },
        {1: 0.05, 10: 0.10, 25: 0.18, 50: 0.29, 100: 0.44, 200: 0.61, 500: 0.93, 1000: 1.0},
        0.04,
    ),
}


@pytest.mark.parametrize("variant", CURVES)
def test_learning_curve_is_the_known_one(variant):
    options, curve, tolerance = CURVES[variant]
    family = tasks.make("dark-room", **VARIANTS[variant])
    task_ids = np.arange(3000) % family.num_tasks
    algorithm = source_algorithms.make("q-learning", **options)
    returns = algorithm.returns(family, task_ids, np.arange(3000), 1000, seed=0)
    measured = {episode: returns[:, episode - 1].mean() for episode in curve}
    assert measured == pytest.approx(curve, abs=tolerance)


def test_fast_settings_learn_dark_room_in_a_hundred_episodes():
    family = tasks.make("dark-room")
    algorithm = source_algorithms.make(
        "q-learning",
        learning_rate=0.9,
        discount=0.9,
        epsilon_start=0.1,
        epsilon_episodes=100,
        initial_value=0.05,
    )
    returns = algorithm.returns(family, np.arange(810) % 81, np.arange(810), 100, seed=0)
    assert returns[:, -1].mean() == pytest.approx(16.4, abs=0.2)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", 1.5),
        ("discount", -0.1),
        ("epsilon_start", 1.1),
        ("epsilon_end", -0.1),
        ("epsilon_episodes", 0),
        ("initial_value", "high"),
        ("initial_value", float("nan")),
        ("reads", "pixels"),
    ],
)
def test_bad_option_is_refused(option, value):
    with pytest.raises(InvalidArgument, match=f"q-learning: {option} must be"):
        source_algorithms.make("q-learning", **{option: value})


def test_families_that_differ_in_size_share_what_does_not_depend_on_it():
    families = [tasks.make("dark-room", size=size) for size in (3, 5)]
    first, second = (QLearning.rules(family, family.num_tasks) for family in families)
    assert first[1:] == second[1:]  # so a process compiles them once
    assert (first.memory_size, second.memory_size) == (9 * 5, 25 * 5)
    assert episode_ends(families[0]) is episode_ends(families[1])
