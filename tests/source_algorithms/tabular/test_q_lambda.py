"""Compiled Q(lambda) writes the twin's histories, and finds what is far away."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from reference.q_lambda import q_lambda_history
from source_algorithms.compared import require_twin

QUICK = {"learning_rate": 0.9, "discount": 0.9, "epsilon_episodes": 7, "trace": 1.0}


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        pytest.param("dark-room", {}, marks=pytest.mark.thorough),
        ("terminating", QUICK | {"kept_steps": 4}),
        ("hard", {"epsilon_episodes": 20, "initial_value": 0.05}),
        ("hard", {"epsilon_start": 0.0, "kept_steps": 1, "trace": 0.0}),
    ],
    ids=["default", "quick", "optimistic", "one step"],
)
def test_histories_match_reference(variant, options):
    require_twin("q-lambda", q_lambda_history, variant, options)


def test_one_success_teaches_all_that_led_to_it():
    family = tasks.make("dark-room", size=25, episode_length=60, terminate_at_goal=True)
    task_ids = np.arange(200) % family.num_tasks
    options = {"epsilon_start": 0.0, "initial_value": 0.0}
    curves = {
        name: source_algorithms.make(name, **options, **more)
        .returns(family, task_ids, np.arange(200), 100, seed=0)
        .mean(axis=0)
        for name, more in (("q-lambda", {"kept_steps": 12}), ("q-learning", {}))
    }
    assert curves["q-lambda"][-20:].mean() > 2 * curves["q-learning"][-20:].mean()


@pytest.mark.parametrize(
    ("option", "value"), [("trace", 1.5), ("trace", -0.1), ("kept_steps", 0), ("reads", "pixels")]
)
def test_bad_option_is_refused(option, value):
    with pytest.raises(InvalidArgument, match=f"q-lambda: {option} must be"):
        source_algorithms.make("q-lambda", **{option: value})
