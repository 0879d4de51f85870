"""An agent that reads what another did acts from then on exactly as that other, bit for bit."""

import numpy as np
import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.device_step import DeviceStep
from adfast.evaluation.agents import agent as agent_module
from adfast.evaluation.agents.agent import Agent
from adfast.models.transformer import Transformer
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from evaluation.acting import ROOM, TERMINATING_ROOM, random_model
from evaluation.world import N, World
from pairwise import every_pair

STEPS = 70
VARIANTS = {
    "window": {},  # of 15 transitions, which overflows
    "growing": {"attention_window": [None, 7]},
    "three tokens": {"layout": "three-token", "position_encoding": "rope"},
    "set": {"context": "set"},
    "returns": {"reads_return": True},
    "learned": {"position_encoding": "learned", "num_learned_positions": 2 * STEPS},
}
SCHEMAS = {
    "fixed": ROOM.transition_schema,
    "terminating": TERMINATING_ROOM.transition_schema,
    "real": TransitionSchema(RealObservation("float64", (2, 3)), 5, 12, "float32"),
}


@pytest.fixture(params=["host", "device"], autouse=True)
def step(request, monkeypatch):
    """On the processor, and by the step of a device, without one."""
    if request.param == "device":
        monkeypatch.setattr(agent_module, "HostStep", lambda *given: DeviceStep(*given[:-1]))


def make_model(schema, variant):
    model = Transformer(random_model(ROOM, **VARIANTS[variant]).config, schema, seed=0)
    with torch.no_grad():
        model.head.normal_(generator=torch.Generator().manual_seed(1))
    return model


def acting(agent, world, steps, told=None):
    """`agent` acts in `world` until no environment is between episodes; what it is told next."""
    told = told or (world.seen,)
    while steps > 0 or world.resets.any():
        told = world.step(agent.act(*told))
        steps -= 1
    return told


def assert_same_from_now_on(one, other, world, told, *, was_told):
    """Both do the same for a while; at first `one` is not told what it has read already."""
    for step in range(25):
        actions = other.act(*told)
        np.testing.assert_array_equal(one.act(*(told if step or was_told else told[:1])), actions)
        np.testing.assert_array_equal(one.action_probabilities(), other.action_probabilities())
        told = world.step(actions)


for_all_kinds = every_pair(
    # Such a model needs counted observations.
    possible=lambda case: (case["schema"], case["variant"]) != ("real", "set"),
    schema=SCHEMAS,
    variant=VARIANTS,
    autoreset=["same-step", "next-step"],
    step=["host", "device"],
    indirect=["step"],
)


def agents(schema, variant, autoreset, number):
    model = make_model(schema, variant)
    return [
        Agent(model, N, seed=3, temperature=0.8, autoreset=autoreset) for _ in range(number)
    ], World(schema, autoreset)


@for_all_kinds
def test_reader_goes_on_as_who_acted(variant, schema, autoreset, step):
    (other, reader), world = agents(SCHEMAS[schema], variant, autoreset, 2)
    told = acting(other, world, STEPS)
    history, length = world.history()
    assert autoreset == "next-step" or len(set(length)) == 1
    reader.read(history, length)
    assert_same_from_now_on(reader, other, world, told, was_told=False)


@for_all_kinds
def test_acting_and_reading_may_alternate(variant, schema, autoreset, step):
    """What is read after an action was chosen begins with what came of it."""
    (other, reader), world = agents(SCHEMAS[schema], variant, autoreset, 2)
    told = acting(other, world, 20)
    _, read = world.history()
    reader.read(*world.history())
    reader.read(*world.history(0, 0))
    reader.act(*told[:1])
    told = acting(other, world, 7, told)
    history, length = world.history()
    rest = {name: np.stack([a[n, read[n] :][:3] for n in range(N)]) for name, a in history.items()}
    reader.read(rest)
    reader.read(*shifted(history, length, read + 3))
    assert_same_from_now_on(reader, other, world, told, was_told=False)


def shifted(history, length, first):
    """The rows from `first[n]` on of each environment's history, and how many these are."""
    left = length - first
    rows = np.minimum(first[:, None] + np.arange(left.max()), history["action"].shape[1] - 1)
    return {name: array[np.arange(N)[:, None], rows] for name, array in history.items()}, left


@for_all_kinds
def test_an_action_that_was_not_taken_leaves_no_trace(variant, schema, autoreset, step):
    """Choosing along another's history shows at each place how probable each action was there."""
    (other,), world = agents(SCHEMAS[schema], variant, autoreset, 1)
    model = other.model
    asked = Agent(model, N, seed=99, temperature=0.8)
    told, found, expected = (world.seen,), [], []
    for _ in range(40):
        actions = other.act(*told)
        expected.append(other.action_probabilities())
        told = world.step(actions)
    history, length = world.history()
    for t in range(length.min()):
        asked.act(history["observation"][:, t])
        found.append(asked.action_probabilities())
        asked.read({name: array[:, t : t + 1] for name, array in history.items()})
    if autoreset == "same-step":
        np.testing.assert_array_equal(found, expected)
    else:  # the other began episodes in between, each environment at times of its own
        is_choice = [[not certain(row) for row in rows] for rows in expected]
        for n in range(N):
            chosen = np.array(expected)[[one[n] for one in is_choice], n]
            np.testing.assert_array_equal(np.array(found)[:, n], chosen[: length.min()])


def certain(row):
    return row[0] == 1.0


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("variant", ["growing", "three tokens"])
def test_whatever_is_read_counts_as_in_a_forward_pass(variant, schema):
    """Here rows that are in no order: their own step in the episode is what the model sees."""
    schema = SCHEMAS[schema]
    model = make_model(schema, variant)
    (other,), world = agents(schema, variant, "same-step", 1)
    acting(other, world, 13)
    history, _ = world.history()
    order = [*np.random.default_rng(0).permutation(11), 11, 12]  # the last follow each other
    history = {name: np.ascontiguousarray(array[:, order]) for name, array in history.items()}
    asked = Agent(model, N)
    asked.read({name: array[:, :-1] for name, array in history.items()})
    asked.act(history["observation"][:, -1])
    with torch.no_grad():
        logits = model({name: torch.from_numpy(array) for name, array in history.items()})
    expected = logits[:, -1].double().softmax(-1).numpy()
    np.testing.assert_allclose(asked.action_probabilities(), expected, atol=1e-5)


def test_environments_that_read_nothing_stay_where_they_are():
    (other, reader, undisturbed), world = agents(SCHEMAS["terminating"], "window", "same-step", 3)
    told = acting(other, world, 30)
    history, _ = world.history()
    length = np.array([30, 0, 12, 0])
    reader.read(history, length)
    twelve = Agent(other.model, N, seed=3, temperature=0.8)
    twelve.read({name: array[:, :12] for name, array in history.items()})
    actions = reader.act(told[0])
    np.testing.assert_array_equal(actions[0], other.act(*told)[0])
    np.testing.assert_array_equal(actions[2], twelve.act(told[0])[2])
    np.testing.assert_array_equal(actions[[1, 3]], undisturbed.act(told[0])[[1, 3]])
    # Of what was open in some of them nothing is lost either.
    reader.read(history, np.array([0, 0, 0, 0]))
    told = world.step(actions)
    np.testing.assert_array_equal(reader.act(*told)[1], undisturbed.act(*told)[1])


def test_reader_that_is_reset_has_read_nothing():
    (other, reader, undisturbed), world = agents(SCHEMAS["fixed"], "window", "same-step", 3)
    told = acting(other, world, 30)
    reader.read(*world.history())
    undisturbed.read(*world.history())
    mask = np.array([True, False, False, True])
    reader.reset(mask)
    reader.act(told[0])
    expected = undisturbed.act(told[0])
    np.testing.assert_array_equal(reader.action_probabilities()[~mask].argmax(1).shape, (2,))
    fresh = Agent(other.model, N, temperature=0.8)
    fresh.act(told[0])
    found = reader.action_probabilities()
    np.testing.assert_array_equal(found[mask], fresh.action_probabilities()[mask])
    np.testing.assert_array_equal(found[~mask], undisturbed.action_probabilities()[~mask])
    assert expected.shape == (N,)


def changed(history, **changes):
    return {name: changes.get(name, array) for name, array in history.items()}


def damaged(array, value):
    array = array.copy()
    array[1, 2] = value
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: (None,), "fields must be a mapping of names to arrays"),
        (lambda h: ({},), "fields must be exactly observation, action"),
        (
            lambda h: (changed(h, action=h["action"][0]),),
            r"must have shape \(4, T\).*array\[None\]",
        ),
        (lambda h: (changed(h, reward=h["reward"][:, :3]),), r'"reward" must have shape \(4, 20\)'),
        (lambda h: (changed(h, reward=h["reward"].astype(int)),), "must be a NumPy array of dtype"),
        (
            lambda h: (changed(h, action=damaged(h["action"], 5)),),
            r"action must be in 0\.\.4, got 5 in transition 2 of environment 1",
        ),
        (
            lambda h: (changed(h, next_observation=damaged(h["observation"], 5)),),
            r"next_observation\[0\] must be in 0\.\.4, got 5 in transition 2 of environment 1",
        ),
        (lambda h: (h, np.array([1, 2, 3, 21])), r"length must be in 0\.\.20, got 21 in env"),
        (lambda h: (h, np.array([1, 2, -3, 1])), r"length must be in 0\.\.20, got -3 in env"),
        (lambda h: (h, [1, 2]), r"length must have shape \(4,\)"),
    ],
)
def test_what_cannot_be_read_is_refused_and_changes_nothing(change, message):
    (other, reader), world = agents(SCHEMAS["fixed"], "window", "same-step", 2)
    told = acting(other, world, 20)
    history, length = world.history()
    with pytest.raises(InvalidArgument, match=message):
        reader.read(*change(history))
    reader.read(history, length)
    with pytest.raises(InvalidArgument, match=message):
        reader.read(*change(history))
    assert_same_from_now_on(reader, other, world, told, was_told=False)


def test_what_must_not_be_read_may_be_anything():
    (other, reader), world = agents(SCHEMAS["fixed"], "window", "same-step", 2)
    acting(other, world, 20)
    history, _ = world.history()
    length = np.array([2, 2, 2, 2])
    reader.read(changed(history, action=damaged(history["action"], 255)), length)


def test_real_observations_beyond_float32_are_not_read():
    (other, reader), world = agents(SCHEMAS["real"], "window", "same-step", 2)
    acting(other, world, 5)
    history, _ = world.history()
    far = damaged(history["observation"], 1e39)
    with pytest.raises(InvalidArgument, match=r"observation\[0\] must be finite in float32"):
        reader.read(changed(history, observation=far))


def test_first_transition_is_on_what_was_acted_on():
    (other, reader), world = agents(SCHEMAS["fixed"], "window", "same-step", 2)
    acting(other, world, 20)
    history, _ = world.history()
    reader.act((history["observation"][:, 0] + np.array([[0], [0], [1], [0]])) % 5)
    with pytest.raises(InvalidArgument, match="is on another in environment 2; call reset"):
        reader.read(history)
    reader.read(history, np.array([20, 20, 0, 20]))


def test_probabilities_are_those_of_a_choice():
    (agent, reader), world = agents(SCHEMAS["fixed"], "window", "same-step", 2)
    with pytest.raises(InvalidArgument, match="action_probabilities are those of the last act"):
        agent.action_probabilities()
    acting(agent, world, 5)
    found = agent.action_probabilities()
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    reader.read(*world.history())
    with pytest.raises(InvalidArgument, match="call act first"):
        reader.action_probabilities()
    cold = Agent(agent.model, N, temperature=0)
    actions = cold.act(world.seen)
    np.testing.assert_array_equal(cold.action_probabilities(), np.eye(5)[actions])


def test_probabilities_of_weights_that_are_not_finite_are_refused():
    model = make_model(SCHEMAS["fixed"], "window")
    with torch.no_grad():
        model.head[2] = np.nan
    agent = Agent(model, 2)
    agent.act(np.zeros((2, 2), int))
    with pytest.raises(InvalidArgument, match="logits must be finite, got others in environment 0"):
        agent.action_probabilities()


def test_array_that_is_used_again_does_not_change_how_an_episode_ended():
    (agent, copied), world = agents(SCHEMAS["fixed"], "window", "next-step", 2)
    array = np.zeros((N, 2), np.int64)
    nothing, done = np.zeros(N), np.ones(N, bool)
    for number, told in enumerate([(), (nothing, done, ~done), (nothing, ~done, ~done)] * 3):
        if number in (0, 3, 6):
            for one in (agent, copied):
                one.reset()
        array[:] = world.observe()
        np.testing.assert_array_equal(agent.act(array, *told), copied.act(array.copy(), *told))
        if number % 3 == 2:
            found = agent.action_probabilities()
            np.testing.assert_array_equal(found, copied.action_probabilities())
