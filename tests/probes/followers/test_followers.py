"""Candidates that follow a history say what their plain twins say."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.in_context import evaluate
from adfast.probes.candidates.scoring import moments, scored
from adfast.probes.followers.drawn_task import Drawing, DrawnTaskFollower
from adfast.probes.followers.follower import AgentFollower, ItselfFollower
from adfast.probes.followers.noise import NOISES, USUAL
from adfast.probes.followers.source_follower import SourceFollower
from adfast.probes.followers.task_plans import plans_of
from pairwise import every_pair
from reference.candidates import (
    drawn_task_chances,
    histories_of,
    q_learning_chances,
    scored_bits,
)
from reference.dark_room import DarkRoomReference

ROOMS = {
    "plain": {"size": 3, "episode_length": 5},
    "once": {"size": 3, "episode_length": 6, "reward": "once"},
    "terminating": {"size": 3, "episode_length": 6, "terminate_at_goal": True},
}
EPISODES = 6
TASKS = [0, 5, 7]
Q = {"learning_rate": 0.5, "discount": 0.9, "initial_value": 0.3}
EPSILON = {"epsilon_start": 0.6, "epsilon_end": 0.1, "epsilon_episodes": 10}
DRAWINGS = {
    "posterior": {"learns": True, "each_episode": True},
    "redrawing": {"learns": True, "each_episode": True, "redraws": True},
    "memorised": {"learns": False, "each_episode": False},
    "memorised anew": {"learns": False, "each_episode": True},
}


def acted(room, agent="random", episodes=EPISODES):
    """The family, what an agent did on three tasks, and that as the twin has it."""
    family = tasks.make("dark-room", **room)
    maker = AGENTS.make(agent)
    done = evaluate(maker, family, TASKS, episodes=episodes, seeds=1, progress=False).trajectories
    histories = []
    for place, task_id in enumerate(TASKS):
        actions = done.history(place, 0)["action"].tolist()
        histories.append(histories_of(DarkRoomReference(task_id, **room), actions, episodes))
    return family, done, histories


def followed(follower, trajectories):
    """What a follower says of each history: a list of chances, and of those of what was done."""
    chances = [[] for _ in trajectories.action]
    taken = [[] for _ in trajectories.action]
    for now in moments(trajectories):
        ((said, of_taken),) = follower.follow(now)
        for row, one, other in zip(now.rows, said, of_taken, strict=True):
            chances[row].append(one)
            taken[row].append(np.broadcast_to(other, len(NOISES)))
    return chances, taken


@every_pair(
    # Who acted is another question than in which room.
    possible=lambda case: case["agent"] == "random" or case["room"] == "plain",
    room=ROOMS,
    how=DRAWINGS,
    agent=["random", "heuristic"],
)
def test_who_draws_a_task_is_followed_as_the_twin_does(room, how, agent):
    family, done, histories = acted(ROOMS[room], agent)
    learns = DRAWINGS[how]["learns"]
    prior = np.ones(9) if learns else np.array([1.0, 0, 1, 1, 0, 0, 1, 0, 1])
    chances, taken = followed(DrawnTaskFollower(Drawing(prior, **DRAWINGS[how]), family, 3), done)
    for place, task_id in enumerate(TASKS):
        room_of_task = DarkRoomReference(task_id, **ROOMS[room])
        actions = done.history(place, 0)["action"]
        for e in (0, USUAL, 12):
            twin = drawn_task_chances(
                room_of_task, histories[place], NOISES[e], prior=prior.tolist(), **DRAWINGS[how]
            )
            if e == USUAL:
                np.testing.assert_allclose(chances[place], twin, atol=1e-5)
            expected = np.array(twin)[np.arange(len(actions)), actions]
            np.testing.assert_allclose(np.array(taken[place])[:, e], expected, atol=1e-5)


@pytest.mark.parametrize("explores", [True, False])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("room", ["plain", "once"])
def test_a_source_learns_each_episode_so_many_times(room, times, explores):
    family, done, histories = acted(ROOMS[room])
    source = source_algorithms.make("q-learning", **Q, **EPSILON)
    chances, _ = followed(SourceFollower(source, family, 3, times, explores=(explores,)), done)

    def epsilon(episode):
        return (0.6 - 0.5 * min(episode / 10, 1.0)) if explores else 0.0

    for place, history in enumerate(histories):
        twin = q_learning_chances(
            history,
            5,
            times=times,
            epsilon=epsilon,
            learning_rate=0.5,
            discount=0.9,
            initial=0.3,
        )
        np.testing.assert_allclose(chances[place], twin, atol=1e-12)


@pytest.mark.parametrize("agent", ["random", "heuristic", "source-algorithm"])
@pytest.mark.parametrize("room", ["plain", "terminating"])
def test_who_acted_itself_says_what_it_said(room, agent):
    family = tasks.make("dark-room", **ROOMS[room])
    options = {"algorithm": "q-learning"} if agent == "source-algorithm" else {}
    maker = AGENTS.make(agent, **options)
    done = evaluate(maker, family, TASKS, episodes=4, seeds=1, progress=False).trajectories
    made = maker.make_agent(family.transition_schema, 3, family=family)
    chances, taken = followed(ItselfFollower(made), done)
    assert all((np.array(each) > 0).all() for each in taken)
    if agent in ("random", "heuristic"):
        again = maker.make_agent(family.transition_schema, 3, family=family)
        alike, _ = followed(AgentFollower(again), done)
        for one, other in zip(chances, alike, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("room", ["plain", "terminating"])
def test_bits_are_of_the_steps_at_which_candidates_disagree(room):
    family, done, histories = acted(ROOMS[room], "heuristic", 8)
    heuristic = AGENTS.make("heuristic").make_agent(family.transition_schema, 3, family=family)
    posterior = Drawing(np.ones(9), learns=True, each_episode=True)
    followers = [AgentFollower(heuristic), DrawnTaskFollower(posterior, family, 3)]
    bits, steps = scored(followers, done, 0.3)
    again = AGENTS.make("heuristic").make_agent(family.transition_schema, 3, family=family)
    said, _ = followed(AgentFollower(again), done)
    for place, task_id in enumerate(TASKS):
        reference = DarkRoomReference(task_id, **ROOMS[room])
        by_noise = [
            drawn_task_chances(
                reference, histories[place], e, prior=[1.0] * 9, learns=True, each_episode=True
            )
            for e in NOISES
        ]
        chances = [[said[place]] * len(NOISES), by_noise]
        twin, scored_steps = scored_bits(histories[place], chances, NOISES.tolist(), 0.3)
        np.testing.assert_array_equal(steps[place], scored_steps)
        np.testing.assert_allclose(bits[place], twin, atol=1e-3)
    assert steps.sum() > 0
    assert (bits[..., -1] == 0.0).all(), "who takes any action is all noise"


def test_tasks_are_not_forgotten_in_long_histories():
    family = tasks.make("dark-room", size=3, episode_length=5)
    done = evaluate(AGENTS.make("random"), family, [4], episodes=300, seeds=1, progress=False)
    drawing = Drawing(np.ones(9), learns=False, each_episode=False)
    _, taken = followed(DrawnTaskFollower(drawing, family, 1), done.trajectories)
    assert np.isfinite(taken).all()


def test_plans_of_too_many_tasks_are_refused():
    with pytest.raises(InvalidArgument, match=r"more than .*; make the family smaller"):
        plans_of(tasks.make("dark-room", size=31, episode_length=40))


def test_a_source_that_says_no_chances_is_refused():
    family = tasks.make("dark-room", **ROOMS["plain"])
    with pytest.raises(InvalidArgument, match="do not say how probable"):
        SourceFollower(source_algorithms.make("sarsa"), family, 1)
    with pytest.raises(InvalidArgument, match="draws what it follows"):
        SourceFollower(source_algorithms.make("posterior-sampling"), family, 1)
