"""Compiled SARSA writes the twin's histories, and learns the values of the policy that acts."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from reference.sarsa import sarsa_history
from source_algorithms.compared import require_twin

FAST = {"learning_rate": 0.9, "discount": 0.9, "epsilon_episodes": 7, "initial_value": 0.05}


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        pytest.param("dark-room", {}, marks=pytest.mark.thorough),
        ("terminating", FAST),
        pytest.param(
            "hard", {"epsilon_episodes": 20, "epsilon_end": 0.1}, marks=pytest.mark.thorough
        ),
        ("hard", {"epsilon_episodes": 20, "reads": "state"}),
    ],
    ids=["default", "fast", "reads observations", "reads states"],
)
def test_histories_match_reference(variant, options):
    require_twin("sarsa", sarsa_history, variant, options)


def test_thinned_histories_match_reference():
    require_twin("sarsa", sarsa_history, "terminating", FAST, keep_every=7)


def test_without_random_actions_it_ends_at_the_optimum():
    family = tasks.make("dark-room")
    ids = np.arange(810)
    returns = source_algorithms.make("sarsa").returns(family, ids % 81, ids, 300, seed=0)
    assert returns[:, -1].mean() == pytest.approx(
        family.optimal_return(np.arange(81)).mean(), abs=0.1
    )
    assert returns[:, 0].mean() < 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("learning_rate", 0.0), ("discount", 1.1), ("epsilon_end", -0.1), ("reads", "goal")],
)
def test_bad_option_is_refused(option, value):
    with pytest.raises(InvalidArgument, match=f"sarsa: {option} must be"):
        source_algorithms.make("sarsa", **{option: value})
