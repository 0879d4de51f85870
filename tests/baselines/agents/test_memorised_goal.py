"""Who goes to a memorised goal does what the twin does, whatever is paid."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import TrainedOn
from baselines.agents.compared import EPISODES, SEED, evaluated, streams_of
from reference.dark_room import DarkRoomReference
from reference.memorised_goal import memorised_goal_returns

OPTIONS = {"size": 5, "episode_length": 10}  # whose loops other tests compile too
ROOM = tasks.make("dark-room", **OPTIONS)
MEMORISED = (0, 3, 9)


@pytest.mark.parametrize("each_episode", [False, True])
def test_returns_are_those_of_the_twin(each_episode):
    task_ids = [0, 9, 10]
    maker = AGENTS.make("memorised-goal", training_tasks=MEMORISED, each_episode=each_episode)
    found = evaluated(maker, ROOM, task_ids).returns.reshape(-1, EPISODES)
    for returns, task_id, stream in zip(found, *streams_of(ROOM, task_ids), strict=True):
        room = DarkRoomReference(int(task_id), **OPTIONS, seed=SEED, random_stream=int(stream))
        expected = memorised_goal_returns(
            room,
            MEMORISED,
            episodes=EPISODES,
            seed=SEED,
            random_stream=int(stream),
            each_episode=each_episode,
        )
        assert returns.tolist() == expected


def test_only_goals_that_are_memorised_are_stayed_at():
    maker = AGENTS.make("memorised-goal", training_tasks=[9])
    found = evaluated(maker, ROOM, np.arange(25)).returns.mean(axis=(1, 2))
    assert found[9] == ROOM.optimal_return([9])[0]
    assert (np.delete(found, 9) <= 1).all()


def test_goes_through_a_task_of_two_goals():
    keys = tasks.make("key-to-door", size=3, episode_length=12)
    found = evaluated(AGENTS.make("memorised-goal", training_tasks=[14]), keys, [14])
    assert (found.returns == 2.0).all()


def test_probabilities_are_those_of_the_plan():
    maker = AGENTS.make("memorised-goal", training_tasks=[0])
    agent = maker.make_agent(ROOM.transition_schema, 2, family=ROOM)
    agent.act(np.array([[2, 2]] * 2))
    expected = [[0, 0.5, 0, 0, 0.5]] * 2
    np.testing.assert_allclose(agent.action_probabilities(), expected)


def test_training_tasks_are_those_of_the_run():
    maker = AGENTS.make("memorised-goal").beside(TrainedOn(training_tasks=np.array([2, 5])))
    assert maker.training_tasks == (2, 5)
    given = AGENTS.make("memorised-goal", training_tasks=[1])
    assert given.beside(TrainedOn(training_tasks=np.array([2, 5]))) == given


@pytest.mark.parametrize(
    ("options", "family", "message"),
    [
        ({}, ROOM, "memorised-goal needs training_tasks"),
        ({"training_tasks": []}, ROOM, "memorised-goal needs training_tasks"),
        ({"training_tasks": [25]}, ROOM, "25"),
        ({"training_tasks": [-1]}, ROOM, "training_tasks"),
        ({"training_tasks": [0]}, tasks.make("dark-room", size=1024), "make the family smaller"),
    ],
)
def test_what_cannot_be_is_refused(options, family, message):
    with pytest.raises(InvalidArgument, match=message):
        AGENTS.make("memorised-goal", **options).check(family)
