"""Whatever is an agent is evaluated and plays; what is none is told what it lacks."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from adfast.errors import InvalidArgument, UnknownName
from adfast.evaluation.agents.agent import Agent
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.in_context_agent import AgentMaker, InContextAgent
from adfast.evaluation.agents.random_agent import RandomActions, RandomAgent
from adfast.evaluation.environments.play import play
from adfast.evaluation.in_context import evaluate
from adfast.models.checkpoint import save_model
from adfast.simulators.gymnasium_env import FamilyVectorEnv
from evaluation.acting import ROOM, TERMINATING_ROOM, random_model

SIZES = {"episodes": 3, "seeds": 2, "seed": 4, "progress": False}
TASKS = [3, 7, 12]
OPTIONS = {"size": 5, "episode_length": 10}


class Rightwards(InContextAgent):
    """Implements the interface alone: always the same action."""

    schema = ROOM.transition_schema
    num_environments = 6
    action = 4

    def reset(self, mask=None):
        self.resets = getattr(self, "resets", 0) + 1

    def act(self, observation, *outcome):
        return [self.action] * len(observation)

    def read(self, history, length=None):
        pass

    def action_probabilities(self):
        return np.eye(5)[[self.action] * 6]


class MakesRightwards(AgentMaker):
    name = "rightwards"

    def make_agent(self, schema, num_environments, *, family=None, **choosing):
        assert family is ROOM
        assert choosing["random_streams"].shape == (num_environments,)
        return Rightwards()


def test_agent_of_the_interface_alone_is_evaluated_and_plays():
    agent = Rightwards()
    found = evaluate(agent, ROOM, TASKS, **SIZES)
    assert agent.resets == 1
    assert (found.trajectories.action == 4).all()
    by_maker = evaluate(MakesRightwards(), ROOM, TASKS, **SIZES)
    np.testing.assert_array_equal(by_maker.returns, found.returns)
    vector = FamilyVectorEnv(
        6, task_ids=np.repeat(TASKS, 2), autoreset_mode=AutoresetMode.SAME_STEP, **OPTIONS
    )
    played = play(agent, vector, 3)
    np.testing.assert_array_equal(played.returns, found.returns.reshape(6, 3))


def test_random_agent_is_evaluated_by_name_and_as_it_is():
    by_name = evaluate(AGENTS.make("random"), ROOM, TASKS, **SIZES)
    streams = np.tile([0, 1], 3) * ROOM.num_tasks + np.repeat(TASKS, 2)
    agent = RandomAgent(ROOM.transition_schema, 6, seed=4, random_streams=streams)
    found = evaluate(agent, ROOM, TASKS, **SIZES)
    np.testing.assert_array_equal(found.trajectories.action, by_name.trajectories.action)
    assert len(np.unique(found.trajectories.action)) == 5


@pytest.mark.parametrize("mode", AutoresetMode)
def test_random_agent_plays_in_every_mode(mode):
    vector = FamilyVectorEnv(3, task_ids=[1, 2, 3], autoreset_mode=mode, **OPTIONS)
    agent = RandomAgent(ROOM.transition_schema, 3, seed=4)
    assert play(agent, vector, 4, seed=0).lengths.tolist() == [[10] * 4] * 3


def test_model_of_a_file_goes_by_name(tmp_path):
    model = random_model(ROOM)
    save_model(tmp_path / "model.safetensors", model)
    maker = AGENTS.make("model", run=str(tmp_path / "model.safetensors"), device="cpu")
    found = evaluate(maker, ROOM, TASKS, temperature=0.5, **SIZES)
    expected = evaluate(model, ROOM, TASKS, temperature=0.5, **SIZES)
    np.testing.assert_array_equal(found.trajectories.action, expected.trajectories.action)
    with pytest.raises(InvalidArgument, match='agent "model" needs run'):
        evaluate(AGENTS.make("model"), ROOM, TASKS, **SIZES)


def test_unknown_agent_is_answered_with_the_names():
    with pytest.raises(UnknownName, match='unknown agent "randon"; did you mean "random"'):
        AGENTS.make("randon")
    with pytest.raises(InvalidArgument, match="random"):
        AGENTS.make("random", warmth=3)


class Speechless(InContextAgent):
    def reset(self, mask=None): ...
    def act(self, observation, *outcome): ...
    def action_probabilities(self): ...


class Duck:
    """Looks like an agent, but for two members."""

    num_environments = 6
    schema = ROOM.transition_schema
    reset = act = lambda self, *_: None


class Unsaid(Rightwards):
    @property
    def schema(self):
        raise AttributeError


def test_class_that_lacks_a_member_says_which():
    with pytest.raises(InvalidArgument, match="Speechless lacks read; an agent has reset, act, re"):
        Speechless()


@pytest.mark.parametrize(
    ("agent", "settings", "message"),
    [
        (
            Duck(),
            {},
            "agent Duck lacks read and action_probabilities; an agent has reset",
        ),
        (
            "runs/demo",
            {},
            "be a Transformer, an AgentMaker or an InContextAgent; .*, got 'runs",
        ),
        (Unsaid(), {}, r"agent Unsaid must set self\.schema"),
        (Rightwards(), {"seeds": 1}, "in 6 environments, .* are 3; make it with num_"),
        (Rightwards(), {"temperature": 1.0}, "temperature must be left out for an agent"),
        (Rightwards(), {"family": TERMINATING_ROOM}, "agent acts on .* but dark-room has"),
        (Agent(random_model(TERMINATING_ROOM)), {}, "agent acts on .* but dark-room has"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(agent, settings, message):
    with pytest.raises(InvalidArgument, match=message):
        evaluate(**{"agent": agent, "family": ROOM, "task_ids": TASKS} | SIZES | settings)


class MakesDucks(RandomActions):
    def make_agent(self, schema, num_environments, *, family=None, **choosing):
        return Duck()


def test_maker_that_makes_no_agent_is_named():
    with pytest.raises(InvalidArgument, match="agent that MakesDucks makes Duck lacks read"):
        evaluate(MakesDucks(), ROOM, TASKS, **SIZES)


def test_what_cannot_play_is_refused():
    vector = FamilyVectorEnv(6, autoreset_mode=AutoresetMode.SAME_STEP, **OPTIONS)
    with pytest.raises(InvalidArgument, match="agent Duck lacks read and action_probabilities"):
        play(Duck(), vector, 1)
    far = Rightwards()
    far.action = 5
    with pytest.raises(InvalidArgument, match=r"action of Rightwards must be in 0\.\.4, got 5"):
        play(far, vector, 1)
    vector = FamilyVectorEnv(6, autoreset_mode=AutoresetMode.NEXT_STEP, **OPTIONS)
    with pytest.raises(InvalidArgument, match="Rightwards acts in environments of autoreset same"):
        play(Rightwards(), vector, 1)
