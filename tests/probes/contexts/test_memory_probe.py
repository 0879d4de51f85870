"""Contexts are cut where it is said, and who uses one reward alone loses nothing by it."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.in_context_agent import AgentMaker
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.probes.contexts.cut_contexts import cut_histories, first_rewarded
from adfast.probes.contexts.memory import EXPECTED, Memory
from adfast.probes.rollouts import roll_out, streams_of
from probes.known_agents import agent_subject
from probes.subjects import repeating_model, subject

SMALL = {"episodes": 8, "seeds": 60, "slips": (0.0, 0.3), "goal_moves_every": 0}


class Counts(AgentMaker):
    """Takes the action whose number is that of the episodes that it has seen end."""

    name = "counts"

    def make_agent(self, schema, num_environments, **options):
        return CountingAgent(schema, num_environments, temperature=0.0)


class CountingAgent(TransitionAgent):
    def begin(self, environments):
        if not hasattr(self, "seen"):
            self.seen = np.zeros(self.num_environments, np.int64)
        self.seen[environments] = 0

    def learn(self, environments, transition):
        self.seen[environments] += transition["boundary"] != 0

    def action_logits(self, environments, observation, episode_step):
        return np.eye(self.schema.num_actions)[self.seen[environments] % self.schema.num_actions]


@pytest.mark.parametrize("memory", [0, 1, 3, None])
def test_agent_is_shown_as_many_episodes_as_are_kept(memory):
    asked = replace(agent_subject("random"), agent=Counts())
    drawn = streams_of(asked.family, asked.split.held_out, np.arange(2))
    history = cut_histories(asked, asked.family, *drawn, 5, memory)
    shown = history["action"].reshape(12, 5, asked.family.episode_length)
    most = 4 if memory is None else memory
    np.testing.assert_array_equal(shown, np.minimum(np.arange(5), most)[:, None] + 0 * shown)


@pytest.mark.parametrize("whose", ["model", "heuristic"])
def test_who_forgets_nothing_does_what_it_does_in_a_roll_out(whose):
    asked = subject(repeating_model()) if whose == "model" else agent_subject(whose)
    drawn = streams_of(asked.family, asked.split.held_out, np.arange(2))
    history = cut_histories(asked, asked.family, *drawn, 4, None)
    acted = roll_out(asked, *drawn, 4)
    for name in ("action", "reward"):
        values = getattr(acted, name)
        np.testing.assert_array_equal(history[name], values.reshape(history[name].shape))
    last = asked.family.episode_length - 1
    np.testing.assert_array_equal(history["boundary"] != 0, history["episode_step"] == last)


def test_first_rewarded_is_shown_whole_by_its_episode_and_alone():
    asked = agent_subject("heuristic")
    drawn = streams_of(asked.family, asked.split.held_out, np.arange(8))
    history = cut_histories(asked, asked.family, *drawn, 3, None)
    length = asked.family.episode_length
    found, shown = first_rewarded(history, length)
    assert 0 < found.sum() < len(found)
    (whole, until), (episode, steps), (step, one) = shown
    for row in np.flatnonzero(found):
        at = int(np.argmax(history["reward"][row] > 0))
        assert until[row] == (at // length + 1) * length
        assert not whole["reward"][row, : until[row] - length].any()
        np.testing.assert_array_equal(
            episode["reward"][row], history["reward"][row, until[row] - length : until[row]]
        )
        assert step["reward"][row, 0] == 1
        assert step["boundary"][row, 0] != 0
    assert set(steps[found]) == {length}
    assert set(one[found]) == {1}
    assert not np.stack([until, steps, one])[:, ~found].any()


@pytest.mark.parametrize("agent", [name for name, verdict in EXPECTED.items() if verdict])
def test_agents_of_known_kind_get_the_verdict_that_is_right(agent):
    finding = Memory(**SMALL).measure([agent_subject(agent)])
    assert finding.verdict == EXPECTED[agent]


def test_heuristic_needs_no_more_than_the_rewarded_step():
    finding = Memory(**SMALL).measure([agent_subject("heuristic")])
    after = [number.value for number in finding.numbers if number.name.startswith("next")]
    assert after == [1.0, 1.0, 1.0]


def test_verdict_is_by_the_return_of_the_last_episodes():
    asked = agent_subject("random")
    probe = Memory(slips=(0.0, 0.3), goal_moves_every=0)
    share = np.zeros((6, 4, 2, 5, 16))
    share[:, :, :, -1, -5:] = 0.9
    share[:, :, :, 1, -5:] = 0.4
    judged, after = share[:, :, :, [1, -1]], np.full((6, 4, 3), np.nan)
    finding = probe.judge([asked], [{"judged": judged, "share": share, "after": after}])
    assert finding.verdict == "supported"
    assert [piece.mean for piece in finding.evidence] == pytest.approx([0.5, 0.5])
    (lines,) = finding.sections  # nothing was ever rewarded
    assert lines.series[0].y == pytest.approx((0.0, 0.4, 0.0, 0.0, 0.9))
    judged[:, :, 1, 0] = judged[:, :, 1, 1]  # with slips it loses nothing
    finding = probe.judge([asked], [{"judged": judged, "share": share[:, :0], "after": after}])
    assert finding.verdict == "refuted"
    assert finding.numbers[0].value == pytest.approx(-0.5)
    assert not finding.sections, "what decides nothing was not tried"


def test_what_decides_nothing_is_tried_with_the_first_seeds_alone():
    asked = agent_subject("heuristic")
    probe = Memory(episodes=6, seeds=2, slips=(0.0, 0.3))
    many, few = (probe.observe(asked, np.arange(count)) for count in (5, 2))
    assert many["judged"].shape == (6, 5, 2, 2, 6)
    assert many["share"].shape == (6, 2, 3, 5, 6)
    for name, values in few.items():
        np.testing.assert_array_equal(many[name][:, :2], values)
    np.testing.assert_array_equal(few["judged"], few["share"][:, :, [0, 1]][:, :, :, [1, -1]])


def test_model_is_asked_and_its_window_named():
    finding = Memory(episodes=6, seeds=1, slips=(0.0,)).measure([subject(repeating_model())])
    lines = finding.sections[0]
    assert [series.name for series in lines.series] == ["slip 0", "goals that move"]
    assert "the window of a layer holds 51.2 episodes" in lines.caption


@pytest.mark.parametrize(
    ("family", "words"),
    [
        (tasks.make("bandit"), "moves may slip"),
        (tasks.make("dark-room", size=4, terminate_at_goal=True), "episodes of one length"),
        (tasks.make("dark-house", size=4, houses=30), "goal_moves_every"),
    ],
)
def test_family_that_cannot_be_asked_is_refused(family, words):
    with pytest.raises(InvalidArgument, match=words):
        Memory(episodes=6, seeds=2).measure([agent_subject("random", family=family)])
