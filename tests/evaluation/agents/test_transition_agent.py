"""An agent written by hand is told what happened, wherever it acts and whatever it reads."""

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.random_agent import RandomAgent
from adfast.evaluation.agents.transition_agent import TransitionAgent
from adfast.simulators import BatchSimulator
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from evaluation.acting import ROOM, TERMINATING_ROOM, act
from evaluation.world import N, World

SCHEMAS = {
    "counted": TERMINATING_ROOM.transition_schema,
    "real": TransitionSchema(RealObservation("float64", (2, 3)), 5, 12, "float32"),
}


class Rewarded(TransitionAgent):
    """Prefers the actions that were paid for; it writes down what it is told."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.preference = np.zeros((self.num_environments, self.schema.num_actions))
        self.told = [[] for _ in range(self.num_environments)]

    def begin(self, environments):
        self.preference[environments] = 0
        for environment in environments:
            self.told[environment].clear()

    def learn(self, environments, transition):
        np.add.at(self.preference, (environments, transition["action"]), transition["reward"])
        for row, environment in enumerate(environments):
            self.told[environment].append({name: v[row] for name, v in transition.items()})

    def action_logits(self, environments, observation, episode_step):
        kind = self.schema.observation.read.dtype
        assert observation.dtype == kind
        return self.preference[environments] + 0.1 * episode_step[:, None]


@pytest.mark.parametrize("autoreset", ["same-step", "next-step"])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_it_learns_what_happened_and_a_reader_the_same(schema, autoreset):
    schema = SCHEMAS[schema]
    settings = {"seed": 2, "temperature": 0.7, "autoreset": autoreset}
    agent, reader = Rewarded(schema, N, **settings), Rewarded(schema, N, **settings)
    world = World(schema, autoreset)
    told, step = (world.seen,), 0
    while step < 60 or world.resets.any():
        told, step = world.step(agent.act(*told)), step + 1
    history, length = world.history()
    reader.read(history, length)
    actions = agent.act(*told)
    np.testing.assert_array_equal(reader.act(*told[:1]), actions)
    np.testing.assert_array_equal(reader.action_probabilities(), agent.action_probabilities())
    for one in (agent, reader):
        for n in range(N):
            assert len(one.told[n]) == length[n]
            for name, array in history.items():
                found = [row[name] for row in one.told[n]]
                np.testing.assert_array_equal(found, array[n, : length[n]].astype(found[0].dtype))
    for _ in range(20):
        told = world.step(actions)
        actions = agent.act(*told)
        np.testing.assert_array_equal(reader.act(*told), actions)


def test_what_was_forced_is_what_it_learns():
    agent, world = Rewarded(SCHEMAS["counted"], N), World(SCHEMAS["counted"], "same-step")
    forced = np.array([0, 1, 2, 3])
    agent.act(world.seen)
    world.step(forced)
    agent.read(*world.history())
    agent.act(world.seen)
    assert [rows[0]["action"] for rows in agent.told] == forced.tolist()


def test_history_begins_where_it_was_reset():
    agent = Rewarded(ROOM.transition_schema, 3)
    act(agent, BatchSimulator(ROOM, [1, 2, 3]), 9)
    assert [len(rows) for rows in agent.told] == [8, 8, 8]
    agent.reset(np.array([False, True, False]))
    agent.act(np.zeros((3, 2), int), [1, 1, 1], [False] * 3, [False] * 3)
    assert [len(rows) for rows in agent.told] == [9, 0, 9]


def test_random_actions_are_uniform_and_those_of_their_stream():
    schema, streams = ROOM.transition_schema, np.arange(900)
    agent = RandomAgent(schema, 900, seed=1)
    actions = act(agent, BatchSimulator(ROOM, streams % 25), 10)
    shares = np.bincount(actions.ravel(), minlength=5) / actions.size
    np.testing.assert_allclose(shares, 0.2, atol=0.02)
    np.testing.assert_array_equal(agent.action_probabilities(), 0.2)
    few = RandomAgent(schema, 3, seed=1, random_streams=[5, 899, 7])
    np.testing.assert_array_equal(
        act(few, BatchSimulator(ROOM, [5, 24, 7]), 10), actions[:, [5, 899, 7]]
    )
    cold = RandomAgent(schema, 3, temperature=0)
    assert not act(cold, BatchSimulator(ROOM, [5, 24, 7]), 3).any()


class Wrong(TransitionAgent):
    def action_logits(self, environments, observation, episode_step):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((2, 4)), r"action_logits of Wrong must have shape \(2, 5\), got \(2, 4\)"),
        (None, "action_logits of Wrong must be numbers, got object"),
        (np.full((2, 5), np.nan), r"numbers below infinity, .* \[nan, .* in environment 0"),
        ([[0.0] * 5, [-np.inf] * 5], r"not all of them -inf, got .* in environment 1"),
        ([[0.0] * 5, [np.inf] * 5], r"numbers below infinity, .* in environment 1"),
    ],
)
def test_what_are_no_logits_is_refused(answer, message):
    agent = Wrong(ROOM.transition_schema, 2)
    agent.answer = answer
    with pytest.raises(InvalidArgument, match=message):
        agent.act(np.zeros((2, 2), int))


def test_what_is_never_done_is_improbable():
    agent = Wrong(ROOM.transition_schema, 2)
    agent.answer = np.log([[0.5, 0.5, 1e-30, 1e-30, 1e-30], [1e-300, 1, 1e-300, 1e-300, 1e-300]])
    agent.answer[:, 2] = -np.inf
    agent.act(np.zeros((2, 2), int))
    found = agent.action_probabilities()
    np.testing.assert_allclose(found, [[0.5, 0.5, 0, 0, 0], [0, 1, 0, 0, 0]], atol=1e-15)
    assert found[0, 2] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_environments": 0}, r"num_environments must be an integer in 1\.\."),
        ({"temperature": -1}, "temperature must be a finite number of at least 0"),
        ({"random_streams": [1]}, "random_streams must have one entry for each of the 2 env"),
        ({"schema": None}, "schema must be a TransitionSchema, got NoneType"),
        ({"autoreset": "never"}, 'autoreset must be "same-step" or "next-step"'),
    ],
)
def test_agent_that_could_not_act_is_refused(arguments, message):
    arguments = {"schema": ROOM.transition_schema, "num_environments": 2} | arguments
    with pytest.raises(InvalidArgument, match=message):
        RandomAgent(**arguments)
