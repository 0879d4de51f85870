"""Tasks are narrow where one reward says all, and not where a second one lies elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.probes.new_tasks.family_narrowness import AFTER, ALL, SEARCHING, by_phase, narrowness
from adfast.probes.new_tasks.narrowness import Narrowness
from probes.known_agents import agent_subject

SMALL = {"tasks": 12, "seeds": 4, "episodes": 30}


def test_dark_room_is_narrow():
    finding = Narrowness(**SMALL).measure([agent_subject("random")])
    assert finding.verdict == "supported"
    assert finding.evidence[0].mean == pytest.approx(1.0)
    (row,) = finding.sections[1].rows
    assert row[:4] == ("dark-room", np.log2(25), 0.0, "posterior-sampling")
    assert row[5] == pytest.approx(1.0)


def test_key_to_door_is_not_narrow():
    family = tasks.make("key-to-door", size=4, episode_length=14)
    finding = Narrowness(**SMALL).measure([agent_subject("random", family=family)])
    assert finding.verdict == "refuted"


def test_phases_are_those_of_each_history():
    returns = np.array([[[0.0, 2.0, 0.0, 4.0]], [[0.0, 0.0, 0.0, 0.0]], [[3.0, 3.0, 3.0, 5.0]]])
    found = by_phase(returns)
    np.testing.assert_allclose(found[:, SEARCHING], [1.0, 0.0, 3.0])
    np.testing.assert_allclose(found[:, AFTER], [2.0, np.nan, 11 / 3])
    np.testing.assert_allclose(found[:, ALL], [1.5, 0.0, 3.5])


def test_families_where_it_cannot_be_asked_say_why_in_their_row():
    probe = Narrowness(tasks=4, seeds=2, families=["bandit", "cliff-walking"])
    finding = probe.measure([agent_subject("random")])
    rows = {row[0]: row for row in finding.sections[1].rows}
    assert list(rows) == ["dark-room", "bandit", "cliff-walking"]
    assert "square room" in rows["bandit"][3]
    assert rows["cliff-walking"][5] is None


def test_runs_of_one_family_make_one_row():
    one = agent_subject("random")
    probe = Narrowness(**SMALL)
    finding = probe.measure([one, replace(one, name="other", seed=1)])
    assert len(finding.evidence[0].values) == 2
    assert len(finding.sections[1].rows) == 1


def test_family_without_a_room_or_without_a_learner_is_refused():
    with pytest.raises(InvalidArgument, match="square room"):
        narrowness(tasks.make("bandit"), tasks=2)
    with pytest.raises(InvalidArgument, match="nobody is known"):
        narrowness(tasks.make("dark-house", size=3, houses=2**20), tasks=2, episodes=2)


def test_tasks_that_nobody_finds_are_refused():
    family = tasks.make("dark-room", size=9, episode_length=1)
    with pytest.raises(InvalidArgument, match="episodes are rewarded"):
        narrowness(family, tasks=2, seeds=1, episodes=2)
