"""A source algorithm that is an agent does what it does in histories of its own, bit for bit."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.baselines.agents.source_agent import SourceAgent
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import TrainedOn
from adfast.tasks.gridworlds.dark_room_plan import TOTAL_OF_TEN_BOUND
from baselines.agents.compared import EPISODES, SEED, SEEDS, evaluated, streams_of
from reference.dark_room import DarkRoomReference
from reference.q_learning import q_learning_history

ROOM = tasks.make("dark-room", size=5, episode_length=10)
PAPERS_ROOM = tasks.make("dark-room")
TERMINATING = {"size": 5, "start": "random", "terminate_at_goal": True}
KEYS = tasks.make("key-to-door", size=3, episode_length=12)  # of which starts are random
TASK_IDS = [3, 7, 12]


def returns_of(learner, family, task_ids=TASK_IDS):
    """What the learner earns in its own histories, as an evaluation has it."""
    found = learner.returns(family, *streams_of(family, task_ids), EPISODES, SEED)
    return found.reshape(len(task_ids), SEEDS, EPISODES)


@pytest.mark.parametrize(
    ("algorithm", "options", "family"),
    [
        ("q-learning", {"epsilon_episodes": 5}, ROOM),
        ("sarsa", {}, tasks.make("dark-room", **TERMINATING)),
        ("actor-critic", {"n_steps": 4}, ROOM),
        ("posterior-sampling", {"redraws": True}, ROOM),
        ("posterior-sampling", {}, KEYS),
        ("ideal-learner", {"noise": 0.2, "others": 0.5}, PAPERS_ROOM),
        ("thompson-sampling", {}, tasks.make("bandit")),
    ],
)
def test_returns_are_those_of_its_own_histories(algorithm, options, family):
    maker = SourceAgent(algorithm=algorithm, options=options)
    expected = returns_of(source_algorithms.make(algorithm, **options), family)
    np.testing.assert_array_equal(evaluated(maker, family, TASK_IDS).returns, expected)
    assert len(np.unique(expected)) > 1


def test_returns_are_those_of_the_plain_python_learner():
    found = evaluated(SourceAgent(algorithm="q-learning"), ROOM, TASK_IDS).returns
    for place, (task_id, stream) in enumerate(zip(*streams_of(ROOM, TASK_IDS), strict=True)):
        stream = int(stream)
        room = DarkRoomReference(int(task_id), 5, 10, seed=SEED, random_stream=stream)
        _, expected = q_learning_history(room, episodes=EPISODES, seed=SEED, random_stream=stream)
        assert found.reshape(-1, EPISODES)[place].tolist() == expected


@pytest.mark.parametrize(
    ("name", "family"), [("posterior-sampling", ROOM), ("ideal-learner", PAPERS_ROOM)]
)
def test_learners_have_names_of_their_own(name, family):
    maker = AGENTS.make(name)
    expected = returns_of(source_algorithms.make(name), family)
    np.testing.assert_array_equal(evaluated(maker, family, TASK_IDS).returns, expected)


def test_ideal_learner_has_the_known_curve():
    found = evaluated(AGENTS.make("ideal-learner"), PAPERS_ROOM, np.arange(81), 10, seeds=1)
    known = np.array([210, 568, 906, 1218, *[1340] * 6]) / 81  # from 2.593 to 16.543
    np.testing.assert_allclose(found.returns.mean(axis=(0, 1)), known)
    assert 135.0 < known.sum() < TOTAL_OF_TEN_BOUND


def test_who_reads_a_history_goes_on_as_who_made_it():
    maker = SourceAgent(algorithm="q-learning")
    found = evaluated(maker, ROOM, TASK_IDS)
    rows = 43  # into the fifth episode
    fields = [found.trajectories.history(n // SEEDS, n % SEEDS) for n in range(6)]
    history = {name: np.stack([f[name][:rows] for f in fields]) for name in fields[0]}
    _, streams = streams_of(ROOM, TASK_IDS)
    agent = maker.make_agent(
        ROOM.transition_schema, 6, family=ROOM, seed=SEED, random_streams=streams
    )
    agent.read(history)
    now = np.stack([f["observation"][rows] for f in fields])
    done = np.stack([f["action"][rows] for f in fields])
    np.testing.assert_array_equal(agent.act(now), done)
    chances = agent.action_probabilities()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    assert (chances[np.arange(6), done] > 0.0).all()


def test_starts_that_others_drew_are_understood():
    found = evaluated(AGENTS.make("random"), KEYS, [5, 40], 4, seed=77)
    fields = found.trajectories.history(0, 0)
    agent = AGENTS.make("posterior-sampling").make_agent(KEYS.transition_schema, 1, family=KEYS)
    agent.read({name: values[None] for name, values in fields.items()})
    assert 0 <= agent.act(fields["observation"][:1])[0] < 5


@pytest.mark.parametrize(
    ("options", "family"),
    [
        ({"algorithm": "q-learning"}, ROOM),
        ({"algorithm": "actor-critic", "options": {"n_steps": 3}}, ROOM),
        ({"algorithm": "posterior-sampling"}, ROOM),
        ({"algorithm": "ideal-learner", "options": {"noise": 0.5}}, PAPERS_ROOM),
    ],
)
def test_probabilities_are_the_frequencies_of_actions(options, family):
    count = 4000
    maker = SourceAgent(**options)
    agent = maker.make_agent(family.transition_schema, count, family=family)
    read = evaluated(maker, family, [7], 3, seeds=1).trajectories.history(0, 0)
    agent.read({name: np.repeat(values[None, :25], count, 0) for name, values in read.items()})
    actions = agent.act(np.repeat(read["observation"][25][None], count, 0))
    chances = agent.action_probabilities()
    frequencies = np.bincount(actions, minlength=5) / count
    np.testing.assert_allclose(chances.mean(axis=0), frequencies, atol=0.03)
    assert (chances[np.arange(count), actions] > 0).all()


def test_what_is_left_to_the_run_is_taken_from_it():
    beside = SourceAgent(options={"discount": 0.5}).beside(
        TrainedOn("q-learning", {"discount": 0.9, "learning_rate": 0.2})
    )
    assert beside.learner().discount == 0.5
    assert beside.learner().learning_rate == 0.2
    named = SourceAgent(algorithm="sarsa")
    assert named.beside(TrainedOn("q-learning", {"discount": 0.9})) == named


class Scheduled(source_algorithms.make("q-learning").__class__):
    """Its exploration is stretched over the history."""

    name = "scheduled"

    def exploration(self, episodes):
        return np.linspace(1, 0, episodes)


@pytest.mark.parametrize(
    ("options", "family", "message"),
    [
        (
            {"algorithm": "optimal"},
            ROOM,
            "optimal cannot be .* neither the task nor",
        ),
        ({"algorithm": "q-learning", "options": {"reads": "state"}}, ROOM, "set reads = .observ"),
        ({"algorithm": "actor-critic", "options": {"actors": 4}}, ROOM, "set actors = 1"),
        ({"algorithm": f"{__name__}:Scheduled"}, ROOM, "how many episodes there will be"),
        ({"algorithm": "ideal-learner"}, ROOM, "ideal-learner needs a family whose ideal"),
        ({"algorithm": "ucb1"}, ROOM, "families with one observation"),
        ({"algorithm": "ucb2"}, ROOM, 'did you mean "ucb1"'),
        ({}, ROOM, "source-algorithm needs algorithm"),
    ],
)
def test_what_cannot_be_an_agent_is_refused(options, family, message):
    with pytest.raises(InvalidArgument, match=message):
        SourceAgent(**options).check(family)
    with pytest.raises(InvalidArgument, match=message):
        evaluated(SourceAgent(**options), family, [1], 1)


def test_what_it_cannot_say_or_do_is_refused():
    maker = SourceAgent(algorithm="sarsa")
    with pytest.raises(InvalidArgument, match=r"temperature must be 1 for sarsa, .* got 0\.5"):
        evaluated(maker, ROOM, [1], 1, temperature=0.5)
    with pytest.raises(InvalidArgument, match="sarsa acts in tasks of a family"):
        maker.make_agent(ROOM.transition_schema, 1)
    agent = maker.make_agent(ROOM.transition_schema, 1, family=ROOM)
    agent.act(np.array([[2, 2]]))
    with pytest.raises(InvalidArgument, match="sarsa do not say how probable"):
        agent.action_probabilities()


def test_what_fits_no_task_is_told_apart():
    agent = AGENTS.make("posterior-sampling").make_agent(ROOM.transition_schema, 1, family=ROOM)
    with pytest.raises(InvalidArgument, match="no task of dark-room would show"):
        agent.act(np.array([[0, 0]]))  # where no episode begins
