"""The step for a device acts as that of the processor: with resets, growth and rehearsal."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Outcome
from adfast.evaluation.acting.captured_call import rehearse
from adfast.evaluation.acting.device_step import DeviceStep
from adfast.evaluation.agents import agent as agent_module
from adfast.evaluation.agents.agent import Agent
from adfast.evaluation.sampling.action_sampling import ActionDraws
from adfast.models import layer_step, transformer
from adfast.simulators import BatchSimulator
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from evaluation.acting import ROOM, TERMINATING_ROOM, act, random_model
from pairwise import every_pair

VARIANTS = {
    "window": {},
    "growing": {"attention_window": [None, 7]},
    "three tokens": {"layout": "three-token", "position_encoding": "rope"},
    "set": {"context": "set"},
    "returns": {"reads_return": True},
    "learned": {"position_encoding": "learned", "num_learned_positions": 200},
}
ROOMS = {"fixed": ROOM, "terminating": TERMINATING_ROOM}
NUM = 6
KEYS = (np.arange(NUM, dtype=np.uint32), np.arange(7, 7 + NUM, dtype=np.uint32))


@pytest.fixture
def on_device_step(monkeypatch):
    """Agents that take the step of a device, without one."""

    def make(model, *args, **settings):
        with monkeypatch.context() as patch:
            patch.setattr(agent_module, "HostStep", lambda *given: DeviceStep(*given[:-1]))
            return Agent(model, *args, **settings)

    return make


@every_pair(variant=VARIANTS, room=ROOMS, temperature=[0.0, 0.7])
def test_actions_are_those_of_the_processor(on_device_step, variant, room, temperature):
    family = ROOMS[room]
    model = random_model(family, **VARIANTS[variant])
    tasks = np.arange(NUM)
    settings = {"temperature": temperature, "seed": 4}
    expected = act(Agent(model, NUM, **settings), BatchSimulator(family, tasks), 90)
    actions = act(on_device_step(model, NUM, **settings), BatchSimulator(family, tasks), 90)
    np.testing.assert_array_equal(actions, expected)


@pytest.mark.parametrize("variant", ["window", "growing"])
def test_resets_are_those_of_the_processor(on_device_step, variant):
    model = random_model(ROOM, **VARIANTS[variant])
    agents = Agent(model, NUM, seed=1), on_device_step(model, NUM, seed=1)
    simulators = BatchSimulator(ROOM, np.arange(NUM)), BatchSimulator(ROOM, np.arange(NUM))
    returned = [(simulator.reset(),) for simulator in simulators]
    generator = np.random.default_rng(0)
    for step in range(120):
        if step % 17 == 16:
            mask = generator.random(NUM) < 0.4
            mask = None if step == 67 else mask
            for number, (agent, simulator) in enumerate(zip(agents, simulators, strict=True)):
                agent.reset(mask)
                returned[number] = (simulator.reset(mask), *returned[number][1:])
        host, device = (agent.act(*last) for agent, last in zip(agents, returned, strict=True))
        np.testing.assert_array_equal(device, host)
        returned = [tuple(simulator.step(host)) for simulator in simulators]


def test_real_rewards_arrive(on_device_step):
    schema = replace(ROOM.transition_schema, reward_dtype="float32")
    model = transformer.Transformer(random_model(ROOM).config, schema, seed=0)
    with torch.no_grad():
        model.head.normal_()
    generator = np.random.default_rng(0)
    agents = Agent(model, NUM), on_device_step(model, NUM)
    past = ()
    for _ in range(30):
        observation = generator.integers(0, 5, (NUM, 2))
        host, device = (agent.act(observation, *past) for agent in agents)
        np.testing.assert_array_equal(device, host)
        reward, ended = generator.normal(size=NUM).astype(np.float32), np.ones(NUM, bool)
        past = (reward, ended, ended, observation)


REAL = RealObservation("float64", (2, 3))
PICTURE = RealObservation("uint8", (16, 17))


def real_model(observation=REAL, frame_stack=1, **settings):
    schema = TransitionSchema(observation, 5, 10, "float32")
    config = random_model(ROOM, **settings).config
    config = config.model_copy(update={"frame_stack": frame_stack})
    model = transformer.Transformer(config, schema, seed=0)
    with torch.no_grad():
        model.head.normal_(generator=torch.Generator().manual_seed(0))
    return model


@pytest.mark.parametrize(
    ("variant", "kind"),
    [
        (variant, kind)
        for variant in VARIANTS
        for kind in ("discrete", "real", "picture", "stack of pictures")
        if variant != "set" or kind == "discrete"  # such a model needs counted observations
    ],
)
def test_environments_are_held_back_as_on_the_processor(on_device_step, variant, kind):
    """In next-step order, where some episodes end together and some apart."""
    settings = VARIANTS[variant] | ({"frame_stack": 3} if "stack" in kind else {})
    seen = {"discrete": None, "real": REAL}.get(kind, PICTURE)
    model = real_model(seen, **settings) if seen else random_model(ROOM, **settings)
    agents = [make(model, NUM, autoreset="next-step") for make in (Agent, on_device_step)]
    generator = np.random.default_rng(0)
    past, resets, steps = (), np.zeros(NUM, bool), np.zeros(NUM, int)
    for number in range(80):
        observation = generator.integers(0, 5, (NUM, 2))
        if kind == "real":
            observation = generator.normal(size=(NUM, 2, 3))
        if "picture" in kind:
            observation = generator.integers(0, 256, (NUM, 16, 17), np.uint8)
        host, device = (agent.act(observation, *past) for agent in agents)
        np.testing.assert_array_equal(device, host)
        steps = np.where(resets, 0, steps + 1)
        ended = ~resets & (((steps == 9) | (generator.random(NUM) < 0.1)) | (number % 30 == 29))
        past = (generator.integers(0, 2, NUM) * ~resets, ended, np.zeros(NUM, bool))
        resets = ended
        if number == 45:
            for agent in agents:
                agent.reset(np.arange(NUM) < 3)
            steps[:3], resets[:3], past[1][:3] = 0, False, False


@pytest.mark.parametrize("name", ["observation", "final_observation"])
def test_real_values_that_are_not_finite_are_refused(on_device_step, name):
    agent, here, far = on_device_step(real_model(), 2), np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    far[1, 0, 1] = np.nan
    agent.act(here)
    now, final = (far, here) if name == "observation" else (here, far)
    with pytest.raises(
        InvalidArgument, match=rf"{name}\[1\] must be finite, got nan in environment 1"
    ):
        agent.act(now, np.zeros(2), np.ones(2, bool), np.zeros(2, bool), final)


@pytest.mark.parametrize("wrong", ["observation", "final_observation"])
def test_values_outside_the_schema_are_refused_and_change_nothing(on_device_step, wrong):
    model = random_model(ROOM)
    agent, undisturbed = on_device_step(model, 2), on_device_step(model, 2)
    here, far = np.ones((2, 2), int), np.array([[1, 1], [5, 1]])
    nothing, done = np.zeros(2), np.ones(2, bool)
    np.testing.assert_array_equal(agent.act(here), undisturbed.act(here))
    arguments = (far, nothing, done, done, here)
    if wrong == "final_observation":
        arguments = (here, nothing, done, done, far)
    with pytest.raises(
        InvalidArgument, match=rf"{wrong}\[0\] must be in 0\.\.4, got 5 in environment 1"
    ):
        agent.act(*arguments)
    for _ in range(9):
        arguments = (here, nothing, done, ~done, here)
        np.testing.assert_array_equal(agent.act(*arguments), undisturbed.act(*arguments))


def test_episode_that_lasts_too_long_is_refused(on_device_step):
    agent, here, nothing = on_device_step(random_model(ROOM), 2), np.ones((2, 2), int), np.zeros(2)
    agent.act(here)
    for _ in range(ROOM.episode_length - 1):
        agent.act(here, nothing, nothing, nothing)
    with pytest.raises(InvalidArgument, match=r"episode_step must be in 0\.\.9 .* got 10"):
        agent.act(here, nothing, nothing, nothing)


@pytest.mark.parametrize("variant", VARIANTS)
def test_rehearsing_between_two_steps_changes_nothing(variant):
    """As happens where a graph is captured anew because a growing cache has moved."""
    model = random_model(ROOM, **VARIANTS[variant]).eval()
    target = 3.0 if model.config.reads_return else None
    steps = [DeviceStep(model, ActionDraws(0.9, *KEYS), None, target) for _ in range(2)]
    generator = np.random.default_rng(0)
    for number in range(40):
        observation = generator.integers(0, 5, (NUM, 2))
        ends = np.full(NUM, number % 10 == 0)
        outcome = None
        if number:
            outcome = Outcome(np.ones(NUM, bool), np.arange(NUM) % 2, ends, ends, observation)
        if number % 9 == 5:
            steps[0]._cache.reserve(10**3)
            rehearse(steps[0].advance, steps[0].state)
        actions = [step(observation, outcome) for step in steps]
        np.testing.assert_array_equal(*actions)


@pytest.mark.parametrize("holds_back", [False, True])
@pytest.mark.parametrize("make_model", [random_model, real_model])
def test_step_reads_no_value_back(monkeypatch, make_model, holds_back):
    """A meta tensor has no values: whatever asks for one raises. Attention has its own test."""
    monkeypatch.setattr(layer_step, "decode", lambda q, *_, **__: q)
    family = (ROOM,) if make_model is random_model else ()
    step = DeviceStep(
        make_model(*family, **VARIANTS["learned"]).to("meta"), ActionDraws(0.5, *KEYS)
    )
    step._holds_back = holds_back
    for _ in range(2):
        step.advance()
    assert all(tensor.is_meta for tensor in step.state)


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_agent_on_a_device_is_neither_sent_nor_copied(on_device_step, copied):
    with pytest.raises(InvalidArgument, match="on a device cannot be copied or sent"):
        copied(on_device_step(random_model(ROOM), 2))
