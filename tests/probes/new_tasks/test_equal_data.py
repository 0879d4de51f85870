"""Who learns faster than the source is ahead at equal steps; what that cost is counted whole."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.collection.config import CollectionConfig
from adfast.errors import InvalidArgument
from adfast.probes.new_tasks.equal_data import (
    EXPECTED,
    EqualData,
    episodes_to_earn,
    training_episodes,
)
from probes.known_agents import agent_subject
from probes.subjects import bare_model, subject

SOURCE = source_algorithms.make("q-learning", epsilon_episodes=200, initial_value=0.0)


@pytest.mark.parametrize("agent", EXPECTED)
def test_agents_of_known_kind_get_the_verdict_that_is_right(agent):
    if agent == "ideal-learner":
        pytest.skip("it has no plan for a small room")
    if agent == "competence-mimic":
        pytest.skip("where goals are near it is often paid, and looks competent")
    asked = agent_subject(agent, source=SOURCE)
    asked = replace(asked, collection=CollectionConfig(episodes=200, held_out=6))
    finding = EqualData(seeds=8).measure([asked])
    assert finding.verdict == EXPECTED[agent]


def test_area_and_break_even_are_those_of_the_lines():
    probe = EqualData(episodes=20)
    source = source_algorithms.make("q-learning")
    collection = CollectionConfig(episodes=100, histories_per_task=3, held_out=6)
    asked = subject(bare_model(), source=source, collection=collection)
    line = np.linspace(0.0, 0.99, 100)
    earned = np.full((6, 2, 20), 0.5)
    observed = {"earned": earned, "source": np.broadcast_to(line, (6, 2, 100))}
    finding = probe.judge([asked], [observed])
    assert finding.verdict == "supported"
    assert finding.evidence[0].mean == pytest.approx(0.5 - line[:20].mean())
    by_name = {number.name: number for number in finding.numbers}
    # The mean of episodes 46 to 55, counted from 0, is the first of at least 0.5.
    needed = by_name["episodes that the source needs to earn as much"].value
    assert needed == 56
    cost = len(asked.split.train) * 3 * 100
    assert training_episodes(asked) == cost
    paid = by_name["new tasks until distilling has paid"].value
    assert paid == pytest.approx(cost / (56 - 20))
    assert finding.sections[1].rows[0][-1] == pytest.approx(paid)


def test_who_saves_nothing_never_pays():
    asked = subject(bare_model(), source=source_algorithms.make("q-learning"))
    observed = {"earned": np.zeros((6, 2, 20)), "source": np.ones((6, 2, 40))}
    finding = EqualData(episodes=20).judge([asked], [observed])
    assert finding.verdict == "refuted"
    assert "new tasks until distilling has paid" not in [each.name for each in finding.numbers]
    assert finding.sections[1].rows[0][-1] is None


def test_level_that_is_never_reached_counts_the_whole_history():
    source = np.tile(np.arange(30.0), (2, 1))
    np.testing.assert_array_equal(episodes_to_earn(source, np.array([4.5, 99.0])), [10, 30])


def test_actors_of_a_source_take_as_many_episodes_at_once():
    source = source_algorithms.make("actor-critic", actors=4)
    collection = CollectionConfig(episodes=6, histories_per_task=8, held_out=6)
    asked = agent_subject("random", source=source, collection=collection)
    observed = EqualData(episodes=20).observe(asked, np.arange(2))
    assert observed["source"].shape == (6, 2, 24)
    by_four = observed["source"].reshape(6, 2, 6, 4)
    assert (by_four == by_four[..., :1]).all()
    assert training_episodes(replace(asked, model=bare_model())) == 19 * 8 * 6


def test_source_and_something_to_earn_are_needed():
    with pytest.raises(InvalidArgument, match="source"):
        EqualData().measure([replace(agent_subject("random"), source=None)])
    cliff = agent_subject("random", family=tasks.make("cliff-walking"))
    with pytest.raises(InvalidArgument, match="something can be earned"):
        EqualData().measure([cliff])
