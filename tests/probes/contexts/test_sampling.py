"""Ways of sampling: by definition, and as the agent itself samples at its own temperature."""

from __future__ import annotations

import numpy as np
import pytest

from adfast.evaluation.agents.agent import Agent
from adfast.probes.contexts.sampling import Sampling, drawn, entropy, resampled, sampled_episode
from adfast.probes.rollouts import roll_out
from probes.subjects import repeating_model, subject

CHANCES = np.array([[0.5, 0.25, 0.15, 0.1], [0.1, 0.2, 0.3, 0.4]])


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (Sampling(), CHANCES),
        (Sampling(temperature=0.0), [[1, 0, 0, 0], [0, 0, 0, 1]]),
        (Sampling(temperature=0.5), CHANCES**2 / (CHANCES**2).sum(axis=1, keepdims=True)),
        (Sampling(top_p=0.5), [[1, 0, 0, 0], [0, 0, 3 / 7, 4 / 7]]),
        (Sampling(top_p=0.76), [[5 / 9, 5 / 18, 3 / 18, 0], [0, 2 / 9, 3 / 9, 4 / 9]]),
    ],
)
def test_probabilities_are_those_of_the_definition(way, expected):
    np.testing.assert_allclose(resampled(CHANCES, way), expected, atol=1e-12)


def test_entropy_is_in_nats_and_zero_for_who_is_certain():
    np.testing.assert_allclose(
        entropy(np.array([[0.25] * 4, [1, 0, 0, 0]])), [np.log(4), 0], atol=1e-12
    )


def test_actions_are_drawn_by_the_cumulative_distribution():
    uniform = np.linspace(0, 1, 1000, endpoint=False)
    actions = drawn(np.repeat(CHANCES[:1], 1000, axis=0), uniform)
    assert np.bincount(actions).tolist() == [500, 250, 150, 100]


def test_likeliest_actions_are_those_that_the_agent_takes_at_temperature_0():
    asked = subject(repeating_model())
    family, tasks, streams = asked.family, np.arange(8), np.arange(8)
    context = family.transition_schema.allocate(8, 1)
    for values in context.values():
        values[:] = 0
    context["action"][:, 0] = np.arange(8) % family.num_actions
    context["boundary"][:] = 2
    done = roll_out(asked, tasks, streams, 1, context=context, temperature=0.0)
    ways = (Sampling(1.0), Sampling(0.0))
    agent = Agent(asked.model, 16)
    earned, disorder = sampled_episode(agent, family, tasks, streams, 0, ways, context)
    np.testing.assert_array_equal(earned[:, 1], done.returns[:, 0, 0])
    assert (disorder[:, 1] == 0.0).all()
    assert (disorder[:, 0] > 0.0).all()
