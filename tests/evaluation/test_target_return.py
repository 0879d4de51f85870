"""A model that reads returns is told in acting what of its target is left, as in a forward pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import adfast
from adfast.errors import InvalidArgument
from adfast.evaluation.acting.device_step import DeviceStep
from adfast.evaluation.agents import agent as agent_module
from adfast.evaluation.agents.agent import Agent
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.evaluation.agents.trained_model import TrainedModel
from adfast.models.checkpoint import load_model, save_model
from adfast.models.transformer import Transformer
from adfast.probes.attended.recording import asked_for as asked_in
from evaluation.acting import ROOM, TERMINATING_ROOM, random_model
from evaluation.world import N, World
from reference.returns_to_go import asked_for


def conditioned(family=ROOM, best=5.0, **settings):
    """A model that reads returns, and whose actions hang on them."""
    model = random_model(family, reads_return=True, attention_window=None, **settings)
    model.embedding.normalise_returns(np.array([2.0]), best)
    return model


@pytest.fixture(params=["host", "device"])
def step(request, monkeypatch):
    if request.param == "device":
        monkeypatch.setattr(agent_module, "HostStep", lambda *given: DeviceStep(*given[:-1]))


@pytest.mark.parametrize("autoreset", ["same-step", "next-step"])
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("target", [None, -2.5])
@pytest.mark.usefixtures("step")
def test_acting_equals_the_forward_pass_of_what_was_left(autoreset, layout, target):
    model = conditioned(TERMINATING_ROOM, layout=layout)
    world = World(TERMINATING_ROOM.transition_schema, autoreset)
    agent = Agent(model, N, seed=3, autoreset=autoreset, target_return=target)
    told, found = (world.seen,), [[] for _ in range(N)]
    for _ in range(60):
        chooses = ~world.resets
        actions = agent.act(*told)
        for n in np.flatnonzero(chooses):
            found[n].append(agent.action_probabilities()[n])
        told = world.step(actions)
    history, length = world.history()
    for n in range(N):
        one = {name: values[n, : length[n]] for name, values in history.items()}
        left = asked_for(
            5.0 if target is None else target, one["reward"].tolist(), one["episode_step"].tolist()
        )
        np.testing.assert_array_equal(
            asked_in(one, left[0])["return_to_go"], np.array(left, np.float32)
        )
        batch = {name: torch.from_numpy(values[None]) for name, values in one.items()}
        batch["return_to_go"] = torch.tensor([left])
        with torch.no_grad():
            expected = model(batch)[0].double().softmax(-1).numpy()
        np.testing.assert_allclose(np.array(found[n]), expected, atol=2e-5)


def test_what_was_refused_is_not_subtracted():
    agents = [Agent(conditioned(), 2) for _ in range(2)]
    here, far = np.ones((2, 2), int), np.array([[1, 1], [9, 1]])
    told = (np.ones(2), np.zeros(2, bool), np.zeros(2, bool), here)
    for agent in agents:
        agent.act(here)
    for _ in range(3):
        with pytest.raises(InvalidArgument):
            agents[0].act(far, *told)
        np.testing.assert_array_equal(agents[0].act(here, *told), agents[1].act(here, *told))
        np.testing.assert_array_equal(*(agent.action_probabilities() for agent in agents))


def test_real_rewards_are_subtracted():
    schema = replace(ROOM.transition_schema, reward_dtype="float32")
    model = Transformer(conditioned().config, schema, seed=0)
    with torch.no_grad():
        model.head.normal_(generator=torch.Generator().manual_seed(1))
    agents = [Agent(model, 2, target_return=target) for target in (4.0, 6.0)]
    here, nothing = np.ones((2, 2), int), np.zeros(2, bool)
    assert not np.array_equal(*(probabilities_of(agent, here) for agent in agents))
    for reward in (0.25, -1.5):
        told = (np.full(2, reward), nothing, nothing, here)
        one, other = (probabilities_of(agent, here, *told) for agent in agents)
        assert not np.array_equal(one, other)


def probabilities_of(agent, *told):
    agent.act(*told)
    return agent.action_probabilities()


def test_model_file_knows_its_best_return(tmp_path):
    save_model(tmp_path / "model.safetensors", conditioned(best=4.5))
    model = load_model(tmp_path / "model.safetensors")
    assert Agent(model).target_return == 4.5
    assert float(model.embedding.return_scale) == 0.5
    assert adfast.load(tmp_path / "model.safetensors", target_return=3).target_return == 3
    maker = TrainedModel(run=str(tmp_path / "model.safetensors"), target_return=2)
    assert maker.make_agent(ROOM.transition_schema, 2).target_return == 2


def test_evaluation_says_what_it_asked_for():
    model = conditioned()
    settings = {"episodes": 2, "seeds": 2, "progress": False}
    by_default = adfast.evaluate(model, ROOM, [1, 2], **settings)
    assert by_default.target_return == by_default.select(slice(1)).target_return == 5
    asked = adfast.evaluate(model, ROOM, [1, 2], target_return=-9, **settings)
    assert asked.target_return == -9
    same = adfast.evaluate(Agent(model, target_return=-9), ROOM, [1, 2], **settings)
    np.testing.assert_array_equal(same.trajectories.action, asked.trajectories.action)
    assert (asked.trajectories.action != by_default.trajectories.action).any()
    assert adfast.evaluate(random_model(ROOM), ROOM, [1], **settings).target_return is None


@pytest.mark.parametrize("target", [float("nan"), float("inf"), "3", 1e31, True])
def test_target_that_is_no_return_is_refused(target):
    with pytest.raises(InvalidArgument, match="target_return must be a finite number"):
        Agent(conditioned(), target_return=target)


def test_target_of_who_reads_none_is_refused():
    with pytest.raises(InvalidArgument, match="needs a model that reads returns, got 3 for one of"):
        Agent(random_model(ROOM), target_return=3)
    maker = AGENTS.make("random")
    with pytest.raises(InvalidArgument, match=r"asked of a model, got 3 for a .*; leave it out"):
        adfast.evaluate(maker, ROOM, [1], target_return=3, progress=False)
