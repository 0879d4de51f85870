"""Streams are those of the model, and a push moves the moment that it is given to, no other."""

import numpy as np
import pytest
import torch

from adfast import ModelConfig, Transformer, source_algorithms, tasks
from adfast.probes.attended.reading import read_histories
from adfast.probes.inside import residual_streams
from adfast.probes.inside.residual_streams import Streams, random_directions, untrained

FAMILY = tasks.make("dark-room", size=4, episode_length=5)
TEMPERATURE = 0.5


@pytest.fixture(params=["one-token", "three-token"])
def model(request):
    config = ModelConfig(num_layers=2, num_heads=2, width=16, layout=request.param)
    model = untrained(Transformer(config, FAMILY.transition_schema, seed=0))
    with torch.no_grad():
        model.head.normal_(generator=torch.Generator().manual_seed(3))
    return model


@pytest.fixture
def histories():
    learner = source_algorithms.make("q-learning")
    out = FAMILY.transition_schema.allocate(5, 20)
    learner.learn(FAMILY, np.arange(5), np.arange(5), 4, 0, out)
    return out


@pytest.fixture(params=[10**6, 40])
def _parts(request, monkeypatch):
    monkeypatch.setattr(residual_streams, "MAX_TOKENS", request.param)


@pytest.mark.usefixtures("_parts")
def test_streams_are_what_layers_read_and_leave(model, histories):
    streams = Streams(model, histories).read()
    assert [stream.shape for stream in streams] == [(5, 20, 16)] * 3
    logits = model.action_logits(torch.from_numpy(streams[-1]))
    torch.testing.assert_close(logits, read_histories(model, histories), rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("_parts")
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_no_push_changes_nothing_and_one_moves_its_own_moment(model, histories, depth):
    streams = Streams(model, histories, TEMPERATURE)
    plain = streams.probabilities()
    expected = (read_histories(model, histories).double() / TEMPERATURE).softmax(-1)
    np.testing.assert_allclose(plain, expected, atol=1e-6)
    push = np.zeros((5, 20, 16), np.float32)
    np.testing.assert_allclose(streams.probabilities(depth, push), plain, atol=1e-5)
    push[3, 7] = 10.0 * np.arange(16)
    moved = np.abs(streams.probabilities(depth, push) - plain).max(axis=-1) > 1e-4
    assert moved[3, 7]
    assert moved.sum() == 1


def test_a_push_after_the_last_layer_is_added_to_what_logits_are_made_of(model, histories):
    streams = Streams(model, histories)
    push = random_directions(np.ones((5, 20, 16), np.float32))
    with torch.no_grad():
        logits = model.action_logits(torch.from_numpy(streams.read()[-1] + push)).double()
    np.testing.assert_allclose(streams.probabilities(2, push), logits.softmax(-1), atol=1e-5)


def test_random_directions_are_as_long_and_of_their_history():
    like = np.random.default_rng(0).normal(size=(3, 4, 64)).astype(np.float32)
    drawn = random_directions(like)
    np.testing.assert_allclose(
        np.linalg.norm(drawn, axis=-1), np.linalg.norm(like, axis=-1), rtol=1e-5
    )
    np.testing.assert_array_equal(drawn[:2], random_directions(like[:2]))
    unit = drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)
    np.testing.assert_allclose(unit, np.broadcast_to(unit[:, :1], unit.shape), atol=1e-5)
    assert abs(unit[0, 0] @ unit[1, 0]) < 0.5


def test_the_untrained_network_mixes_its_history():
    schema = FAMILY.transition_schema
    fresh = untrained(Transformer(ModelConfig(num_layers=1), schema, seed=4))
    again = untrained(Transformer(ModelConfig(num_layers=1), schema, seed=5))
    assert fresh.blocks[0].attention_out.abs().min() > 0
    for one, other in zip(fresh.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other)
