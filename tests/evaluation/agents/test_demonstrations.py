"""What an expert did is read before an agent acts, and acting goes on from there."""

from typing import ClassVar

import numpy as np
import pytest

import adfast
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.tasks.gridworlds.dark_room import DarkRoom
from cli.command_line import adfast as command

ROOM = adfast.tasks.make("dark-room", size=5, episode_length=10)


def evaluated(agent, **options):
    options = {"episodes": 2, "seeds": 3, "progress": False} | options
    return adfast.evaluate(agent, ROOM, range(25), **options).returns


def test_who_has_seen_an_expert_knows_the_goal():
    heuristic = AGENTS.make("heuristic")
    shown = evaluated(heuristic, demonstrations=1)
    assert shown.mean() == pytest.approx(ROOM.optimal_return(range(25)).mean())
    assert evaluated(heuristic)[:, :, 0].mean() < 0.5 * shown.mean()


def test_noise_is_the_share_of_random_actions(monkeypatch):
    read = []
    plain = TransitionAgent.read

    def watched(self, history, length=None):
        read.append((history, length))
        plain(self, history, length)

    monkeypatch.setattr(TransitionAgent, "read", watched)
    for noise in (0.0, 0.5, 1.0):
        evaluated(AGENTS.make("heuristic"), demonstrations=20, demonstration_noise=noise)
    earned = [history["reward"].sum() / 75 / 20 for history, _ in read]
    best = ROOM.optimal_return(range(25)).mean()
    assert earned[0] == pytest.approx(best)
    assert 0.3 * best < earned[1] < 0.9 * best
    assert earned[2] < 0.2 * best
    history, length = read[0]
    assert history["action"].shape == (75, 200)
    assert np.array_equal(length, np.full(75, 200))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"demonstrations": -1}, "demonstrations"),
        ({"demonstrations": 1, "demonstration_noise": 1.5}, "demonstration_noise"),
    ],
)
def test_what_makes_no_demonstrations_is_refused(options, problem):
    with pytest.raises(InvalidArgument, match=problem):
        evaluated(AGENTS.make("random"), **options)


def test_families_without_an_expert_have_none():
    class Maze(DarkRoom):
        name = "maze"
        planner: ClassVar[bool] = False

    with pytest.raises(InvalidArgument, match="the expert needs a family that has a planner"):
        adfast.evaluate(
            AGENTS.make("random"), Maze(), [0], episodes=1, demonstrations=2, progress=False
        )


def test_a_run_is_evaluated_after_demonstrations(run_copy):
    shown = ["--set", "evaluation.demonstrations=2", "--set", "evaluation.demonstration_noise=0.5"]
    ended = command("evaluate", run_copy, "--name", "shown", *shown)
    assert ended.status == 0, ended.stderr
    results = adfast.Run.open(run_copy).evaluate("shown")
    assert (results.demonstrations, results.demonstration_noise) == (2, 0.5)
    again = command("evaluate", run_copy, "--name", "shown", "--fresh", *shown)
    assert again.status == 0
    assert adfast.Run.open(run_copy).evaluate("shown") == results
