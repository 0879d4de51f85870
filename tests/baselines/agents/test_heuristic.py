"""Agents that walk over a room do what their twins do, and earn what can be reckoned."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import TrainedOn
from baselines.agents.compared import EPISODES, SEED, evaluated, streams_of
from reference.dark_room import DarkRoomReference
from reference.heuristic import Anything, Away, New, walk
from reference.key_to_door import KeyToDoorReference

ROOMS = {
    "dark-room": {"size": 4, "episode_length": 10},
    "once": {"size": 3, "episode_length": 12, "reward": "once", "start": "random"},
    "terminating": {"size": 4, "start": "random", "terminate_at_goal": True},
    "dpt": {"size": 4, "episode_length": 15, "start": "corner", "action_order": "dpt"},
}
KEYS = {"size": 3, "episode_length": 20, "key_observed": True}
PAPERS_ROOM = tasks.make("dark-room")
ONE = {"num_environments": 1}
WALKERS = {
    "uniform": ("heuristic", {}, Anything, {}),
    "unvisited": ("heuristic", {"explore": "unvisited", "patience": 2}, New, {"patience": 2}),
    "late": ("late-heuristic", {"episodes": 3}, New, {"late": 3}),
    "corrected": (
        "corrected-heuristic",
        {"avoided_episodes": 1, "improvement": 0.3},
        lambda: Away(1),
        {"improvement": 0.3, "optimum": True},
    ),
    "mimic": (
        "competence-mimic",
        {"judged_episodes": 3},
        Anything,
        {"judged_episodes": 3, "patience": None, "optimum": True},
    ),
}


def environments():
    """Name, family, and its twin."""
    for name, options in ROOMS.items():
        yield name, tasks.make("dark-room", **options), DarkRoomReference, options
    yield "keys", tasks.make("key-to-door", **KEYS), KeyToDoorReference, KEYS


@pytest.mark.parametrize("walker", WALKERS)
@pytest.mark.parametrize(
    ("family", "reference", "options"), [pytest.param(*v, id=n) for n, *v in environments()]
)
def test_walkers_do_what_their_twins_do(family, reference, options, walker):
    name, settings, explorer, twins = WALKERS[walker]
    task_ids = [1, 4, family.num_tasks - 1]
    found = evaluated(AGENTS.make(name, **settings), family, task_ids)
    if "optimum" in twins:
        twins = twins | {"optimum": family.optimal_return(np.arange(family.num_tasks)).mean()}
    for place, (task_id, stream) in enumerate(zip(*streams_of(family, task_ids), strict=True)):
        stream = int(stream)
        room = reference(int(task_id), **options, seed=SEED, random_stream=stream)
        actions, returns = walk(
            room, explorer(), episodes=EPISODES, seed=SEED, random_stream=stream, **twins
        )
        task, seed = divmod(place, 2)
        assert found.trajectories.history(task, seed)["action"].tolist() == actions
        assert found.returns[task, seed].tolist() == returns


def first_rewards():
    """float64 `[81, 20]`: the chance that a random walk first enters each goal at each step."""
    size, length = 9, 20
    found = np.zeros((81, length))
    for goal in range(81):
        where = np.zeros((size, size))
        where[4, 4] = 1.0
        for t in range(length):
            padded = np.pad(where, 1)
            there = where + padded[2:, 1:-1] + padded[:-2, 1:-1]
            there += padded[1:-1, 2:] + padded[1:-1, :-2]
            there[0] += where[0]
            there[-1] += where[-1]
            there[:, 0] += where[:, 0]
            there[:, -1] += where[:, -1]
            where = there / 5
            found[goal, t] = where.flat[goal]
            where.flat[goal] = 0.0
    return found


def test_uniform_heuristic_earns_what_a_random_walk_finds():
    found = evaluated(AGENTS.make("heuristic"), PAPERS_ROOM, np.arange(81), 10, seeds=30)
    chance = first_rewards()
    at_first, finds = chance @ (20 - np.arange(20)), chance.sum(axis=1)
    optimum = PAPERS_ROOM.optimal_return(np.arange(81))
    before = (1 - finds)[:, None] ** np.arange(10)
    expected = (before * at_first[:, None] + (1 - before) * optimum[:, None]).mean(axis=0)
    deviation = found.returns.std(axis=(0, 1)) / np.sqrt(81 * 30)
    np.testing.assert_array_less(np.abs(found.returns.mean(axis=(0, 1)) - expected), 4 * deviation)
    assert expected[0] == pytest.approx(1.509, abs=1e-3)


def test_search_of_new_cells_stays_below_the_ideal_learner_and_ends_at_the_optimum():
    maker = AGENTS.make("heuristic", explore="unvisited")
    found = evaluated(maker, PAPERS_ROOM, np.arange(81), 10, seeds=8).returns
    by_episode = found.mean(axis=(0, 1))
    assert 2.0 < by_episode[0] < 210 / 81 + 0.3  # within the error of 648 episodes
    assert 120.0 < by_episode.sum() < 135.49
    optimum = PAPERS_ROOM.optimal_return(np.arange(81))
    np.testing.assert_array_equal(found[:, :, 9], np.repeat(optimum[:, None], 8, axis=1))


def test_source_first_episode_is_the_first_episode_of_the_source():
    wandering = evaluated(AGENTS.make("random"), PAPERS_ROOM, [0], 2, seeds=1)
    assert not wandering.returns.any()
    history = wandering.trajectories.history(0, 0)
    explorer = {"explore": "source-first-episode", "algorithm": "q-learning"}
    cells = history["observation"].tolist()
    for first in (0, 20):  # in the first episode, and in the second
        last = max(t for t in range(first, first + 20) if cells[t] in cells[first:t])
        chances = []
        for maker, begin in [
            (AGENTS.make("heuristic", **explorer), 0),
            (AGENTS.make("source-algorithm", algorithm="q-learning"), first),
        ]:
            agent = maker.make_agent(PAPERS_ROOM.transition_schema, family=PAPERS_ROOM, **ONE)
            agent.read({name: values[None, begin:last] for name, values in history.items()})
            agent.act(history["observation"][None, last])
            chances.append(agent.action_probabilities())
        np.testing.assert_allclose(*chances)
        assert len(np.unique(chances)) > 1


def test_source_first_episode_may_be_told_from_its_middle_on():
    """Q-learning's first values are 1, not what memory held before."""
    explorer = {"explore": "source-first-episode", "algorithm": "q-learning"}
    fields = PAPERS_ROOM.transition_schema.fields
    told = {
        "observation": [[4, 4], [3, 4]],
        "action": [1, 3],
        "reward": [0, 0],
        "next_observation": [[3, 4], [4, 4]],
        "boundary": [0, 0],
        "episode_step": [7, 8],
    }
    history = {name: np.array([values], fields[name].dtype) for name, values in told.items()}
    chances = []
    for maker in (
        AGENTS.make("heuristic", **explorer),
        AGENTS.make("source-algorithm", algorithm="q-learning"),
    ):
        agent = maker.make_agent(PAPERS_ROOM.transition_schema, family=PAPERS_ROOM, **ONE)
        agent.read(history)
        agent.act(np.array([[4, 4]]))
        chances.append(agent.action_probabilities())
    np.testing.assert_allclose(*chances)
    assert chances[0][0, 1] < chances[0][0, 0]  # up, which did not pay


def test_probabilities_are_those_of_shortest_ways():
    agent = AGENTS.make("heuristic").make_agent(
        PAPERS_ROOM.transition_schema, 1, family=PAPERS_ROOM
    )
    agent.act(np.array([[4, 4]]))
    np.testing.assert_allclose(agent.action_probabilities(), 0.2)
    paid = {
        "observation": np.array([[[4, 4], [3, 4]]], np.uint8),
        "action": np.array([[1, 2]], np.uint8),
        "reward": np.array([[0, 1]], np.uint8),
        "next_observation": np.array([[[3, 4], [3, 5]]], np.uint8),
        "boundary": np.array([[0, 2]], np.uint8),
        "episode_step": np.array([[0, 1]]),
    }
    fields = PAPERS_ROOM.transition_schema.fields
    agent.read({name: array.astype(fields[name].dtype) for name, array in paid.items()})
    agent.act(np.array([[4, 4]]))
    np.testing.assert_allclose(agent.action_probabilities(), [[0, 0.5, 0.5, 0, 0]])


def test_options_left_to_the_run_are_taken_from_it():
    trained_on = TrainedOn("q-learning", {"discount": 0.9})
    asked = AGENTS.make("heuristic", explore="source-first-episode")
    assert asked.beside(trained_on).algorithm == "q-learning"
    assert AGENTS.make("heuristic").beside(trained_on).algorithm is None


@pytest.mark.parametrize(
    "name", ["heuristic", "late-heuristic", "corrected-heuristic", "competence-mimic"]
)
@pytest.mark.parametrize(
    ("family", "message"),
    [
        (tasks.make("bandit"), "must see where it is, which bandit does not offer"),
        (tasks.make("dark-room", permute_actions=True), "permute_actions makes part of the task"),
        (tasks.make("dark-room", size=65), r"at most 4,096 cells, but dark-room has 4,225"),
    ],
)
def test_where_it_is_not_defined_it_is_refused(name, family, message):
    with pytest.raises(InvalidArgument, match=f"{name} .*{message}"):
        AGENTS.make(name).check(family)
    with pytest.raises(InvalidArgument, match=message):
        evaluated(AGENTS.make(name), family, [0], 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"explore": "source-first-episode"}, "needs algorithm, the name of a source algorithm"),
        (
            {"explore": "source-first-episode", "algorithm": "sarsa"},
            "how probable actions are",
        ),
        (
            {"explore": "source-first-episode", "algorithm": "posterior-sampling"},
            "learns from steps alone, got posterior-sampling, which draws what it follows",
        ),
        ({"explore": "random"}, "explore must be 'uniform', 'source-first-episode' or 'unvisited'"),
        ({"patience": 0}, "patience"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        AGENTS.make("heuristic", **options).check(PAPERS_ROOM)
