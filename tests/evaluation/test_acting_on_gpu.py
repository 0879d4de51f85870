"""On a card an agent acts as on the processor; the captured step does what its operations do."""

import numpy as np
import pytest
import torch

from adfast.evaluation.acting import device_step
from adfast.evaluation.agents.agent import Agent
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from evaluation.acting import ROOM, TERMINATING_ROOM, act, random_model

pytestmark = pytest.mark.gpu

SHAPE = {"width": 32, "num_heads": 2}  # heads of 16, the narrowest that the kernels take
VARIANTS = {
    "window": {"attention_window": 15},
    "growing": {"attention_window": [None, 15]},
    "three tokens": {"layout": "three-token", "position_encoding": "rope"},
    "returns": {"attention_window": 15, "reads_return": True},
}
NUM = 8


@pytest.mark.parametrize("family", [ROOM, TERMINATING_ROOM], ids=["fixed", "terminating"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_actions_are_those_of_the_processor(family, variant):
    model, tasks = random_model(family, **SHAPE, **VARIANTS[variant]), np.arange(NUM)
    actions = [
        act(
            Agent(model, NUM, seed=4, device=device, precision="float32"),
            BatchSimulator(family, tasks),
            150,
        )
        for device in ("cpu", "cuda")
    ]
    # Logits differ in their last bits, so a draw may now and then fall on the other side.
    parted = (actions[0] != actions[1]).any(axis=0)
    assert parted.sum() <= 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_graph_does_what_its_operations_do(monkeypatch, variant, precision):
    model = random_model(ROOM, **SHAPE, **VARIANTS[variant])
    graphed = Agent(model, NUM, seed=1, device="cuda", precision=precision)
    plain = Agent(model, NUM, seed=1, device="cuda", precision=precision)
    simulators = BatchSimulator(ROOM, np.arange(NUM)), BatchSimulator(ROOM, np.arange(NUM))
    returned = [(simulator.reset(),) for simulator in simulators]
    for step in range(150):
        if step % 37 == 36:
            mask = np.arange(NUM) % 3 == step % 3
            for number, agent in enumerate((graphed, plain)):
                agent.reset(mask)
                returned[number] = (simulators[number].reset(mask), *returned[number][1:])
        captured_actions = graphed.act(*returned[0])
        with monkeypatch.context() as patch:
            patch.setattr(device_step, "captured", lambda call, state, device: call)
            actions = plain.act(*returned[1])
        np.testing.assert_array_equal(captured_actions, actions)
        returned = [tuple(simulator.step(actions)) for simulator in simulators]
    assert plain._acting._advance_all == plain._acting.advance
    assert graphed._acting._advance_all != graphed._acting.advance


def test_real_observations_and_held_environments_are_those_of_the_processor():
    """In next-step order; the graph is captured anew when an episode first ends."""
    schema = TransitionSchema(RealObservation("float64", (2, 3)), 5, 30, "float32")
    model = Transformer(random_model(ROOM, **SHAPE, attention_window=15).config, schema, seed=0)
    with torch.no_grad():
        model.head.normal_(generator=torch.Generator().manual_seed(0))
    agents = [
        Agent(model, NUM, seed=2, autoreset="next-step", device=device, precision="float32")
        for device in ("cpu", "cuda")
    ]
    generator = np.random.default_rng(0)
    past, resets, steps = (), np.zeros(NUM, bool), np.zeros(NUM, int)
    parted = np.zeros(NUM, bool)
    for _ in range(150):
        observation = generator.normal(size=(NUM, 2, 3))
        host, device = (agent.act(observation, *past) for agent in agents)
        parted |= host != device
        steps = np.where(resets, 0, steps + 1)
        ended = ~resets & ((steps == 29) | (generator.random(NUM) < 0.05))
        past = (generator.normal(size=NUM) * ~resets, ended, np.zeros(NUM, bool))
        resets = ended
    assert parted.sum() <= 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_reader_goes_on_as_who_acted(variant):
    model = random_model(ROOM, **SHAPE, **VARIANTS[variant])
    settings = {"seed": 3, "device": "cuda", "precision": "float32"}
    other, reader = Agent(model, NUM, **settings), Agent(model, NUM, **settings)
    simulator = BatchSimulator(ROOM, np.arange(NUM))
    history = ROOM.transition_schema.allocate(NUM, 60)
    observation, told = simulator.reset(), ()
    for t in range(60):
        actions = other.act(observation, *told)
        history["observation"][:, t], history["action"][:, t] = observation, actions
        history["episode_step"][:, t] = t % ROOM.episode_length
        result = simulator.step(actions)
        observation, told = result.observation, tuple(result)[1:]
        history["reward"][:, t] = result.reward
        history["boundary"][:, t] = np.where(result.truncated, 2, 0)
        ended = result.truncated[:, None]
        final = np.where(ended, result.final_observation, observation)
        history["next_observation"][:, t] = final
    reader.read(history)
    host = Agent(model, NUM, seed=3, device="cpu")
    host.read(history)
    for step in range(30):
        actions = other.act(observation, *told)
        for one in (reader, host):
            found = one.act(observation, *(told if step else ()))
            if one is reader:
                np.testing.assert_array_equal(found, actions)
            else:  # draws may fall on the other side
                one._acting.take_over(actions, np.ones(NUM, bool))
        probabilities = reader.action_probabilities()
        np.testing.assert_array_equal(probabilities, other.action_probabilities())
        np.testing.assert_allclose(probabilities, host.action_probabilities(), atol=1e-3)
        result = simulator.step(actions)
        observation, told = result.observation, tuple(result)[1:]
