"""Who follows a memorised goal is told from everybody who does not, at a chance that is exact."""

from dataclasses import replace

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.probes.new_tasks.goal_cells import goal_cells
from adfast.probes.new_tasks.training_goal_habit import EXPECTED, Ends, TrainingGoalHabit
from probes.known_agents import agent_subject
from probes.subjects import subject


@pytest.mark.parametrize("agent", EXPECTED)
def test_agents_of_known_kind_get_the_verdict_that_is_right(agent):
    if agent == "ideal-learner":
        pytest.skip("it has no plan for a small room")
    finding = TrainingGoalHabit(episodes=12).measure([agent_subject(agent)])
    assert finding.verdict == EXPECTED[agent]


def test_memorised_goal_ends_on_training_goals_alone_and_never_elsewhere():
    finding = TrainingGoalHabit(episodes=4).measure([agent_subject("memorised-goal")])
    again, excess = finding.evidence
    assert (again.mean, again.threshold) == (1.0, 0.5)
    # 19 of the other 24 cells are training goals: half of the way from there to 1 is exceeded.
    assert excess.mean == pytest.approx((1 - 19 / 24) / 2)
    ends, by_chance, own = (number.value for number in finding.numbers)
    assert (ends, own) == (1.0, 0.0)
    assert by_chance == pytest.approx(19 / 24)


def test_who_always_goes_to_one_cell_that_was_held_out_is_refuted():
    asked = agent_subject("random")
    probe = TrainingGoalHabit()
    end = np.full((6, 3, 5), asked.split.held_out[0])
    end[0] = asked.split.held_out[1]
    finding = probe.judge([asked], [{"end": end}])
    assert [piece.standing for piece in finding.evidence] == ["supported", "refuted"]
    assert finding.verdict == "refuted"
    end[...] = asked.split.held_out[:, None, None]  # its own goal, always
    finding = probe.judge([asked], [{"end": end}])
    assert finding.evidence[0].mean == 0.0
    assert finding.sections[1].rows[0][3] is None


def test_chance_and_its_spread_are_those_of_random_splits():
    asked = agent_subject("random")
    cells = goal_cells(asked.family, asked)
    rng = np.random.default_rng(0)
    end = rng.integers(0, 7, (6, 4, 5))
    end[end == asked.split.held_out[:, None, None]] = 9
    found = Ends.of(end, cells)
    drawn = []
    for _ in range(4000):  # cell 24 is nobody's end: let it be the task's own goal
        trained = rng.permutation(24)[:19]
        drawn.append(found.cells[trained].sum())
    assert cells.chance == 19 / 24
    assert np.mean(drawn) == pytest.approx(19 / 24, abs=0.01)
    assert np.std(drawn) == pytest.approx(found.spread_of_chance(cells.chance), rel=0.06)


def test_several_subjects_are_shown_side_by_side():
    asked = [replace(agent_subject("memorised-goal"), name=name) for name in ("one", "two")]
    finding = TrainingGoalHabit(episodes=3).measure(asked)
    assert finding.verdict == "supported"
    bars, table = finding.sections
    assert bars.labels == ("one", "two")
    assert [row[0] for row in table.rows] == ["one", "two"]


def test_model_is_asked_as_an_agent_is():
    finding = TrainingGoalHabit(episodes=2, seeds=1).measure([subject()])
    assert finding.verdict == "refuted"
    assert len(finding.sections[0].labels) == 6


@pytest.mark.parametrize(
    ("family", "words"),
    [
        (tasks.make("bandit"), "bandit has no map of cells, .*; put it to a family such as"),
        (tasks.make("key-to-door", size=4), "one goal cell each, .* of 0 goals"),
        (tasks.make("dark-room", size=4, goal_moves_every=2), "moves its goals every 2 episodes"),
        (tasks.make("dark-room", size=4, permute_actions=True), "no training goals"),
    ],
)
def test_family_without_goals_to_tell_apart_is_refused(family, words):
    with pytest.raises(InvalidArgument, match=words):
        TrainingGoalHabit().measure([agent_subject("random", family=family)])


def test_split_without_training_tasks_is_refused():
    asked = agent_subject("random")
    nothing = replace(asked, split=replace(asked.split, train=np.zeros(0, np.int64)))
    with pytest.raises(InvalidArgument, match="needs the training tasks"):
        TrainingGoalHabit().measure([nothing])


def test_too_few_tasks_leave_it_undecided():
    finding = TrainingGoalHabit(episodes=3).measure([agent_subject("memorised-goal", held_out=2)])
    assert finding.verdict == "undecided"


@pytest.mark.parametrize(("method", "answers"), [("ed", 4), ("ad", None)])
def test_critique_says_it_of_expert_distillation_alone(method, answers):
    asked = subject(settings={"method": method})
    assert TrainingGoalHabit(episodes=2, seeds=1).measure([asked]).answers == answers
