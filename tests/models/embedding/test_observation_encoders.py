"""Real observations: normalised, projected, kept with the weights, the same streamed and whole."""

import numpy as np
import pytest
import torch
from model_cases import REAL_SCHEMA, random_histories, small_model, stream

from adfast.errors import InvalidArgument
from adfast.models.checkpoint import load_model, save_model
from adfast.models.embedding.step_input import step_inputs
from adfast.models.embedding.transition_embedding import TransitionEmbedding


def normalised_embedding(layout="one-token"):
    """An embedding with constants from data of unlike scales; its last component never varies."""
    embedding = TransitionEmbedding(REAL_SCHEMA, 8, layout, torch.Generator().manual_seed(0))
    sample = np.random.default_rng(0).normal(3.0, 2.0, (500, 2, 3)) * [1.0, 1e4, 1e-4]
    sample[:, 1, 2] = 7.0
    embedding.normalise_by(sample, np.full(500, -20.0, np.float32))
    return embedding, sample.reshape(500, 6)


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_tokens_are_what_the_definition_writes_out(layout):
    embedding, sample = normalised_embedding(layout)
    batch = random_histories(2, 15, REAL_SCHEMA)
    first_rows = np.cumsum([0, *embedding.block_sizes])[:3]
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    deviation[5] = 1.0

    def projected(observation, matrix):
        values = (observation.numpy().reshape(6) - mean) / deviation
        return torch.from_numpy(np.clip(values, -10, 10)).float() @ matrix

    tokens = embedding(step_inputs(batch))
    for b in range(2):
        for t in range(15):
            step = int(batch["episode_step"][b, t])
            rows = [REAL_SCHEMA.num_actions, 1, step]
            if t > 0:
                rows[:2] = int(batch["action"][b, t - 1]), 0
            action, reward, now = (
                embedding.table[first + row] for first, row in zip(first_rows, rows, strict=True)
            )
            if t > 0:
                reward = reward + batch["reward"][b, t - 1] / 20 * embedding.reward_direction
            if t > 0 and step == 0:
                final = batch["next_observation"][b, t - 1]
                reward = reward + projected(final, embedding.real.final)
            now = now + projected(batch["observation"][b, t], embedding.real.now)
            parts = (action, reward, now)
            expected = sum(parts) if layout == "one-token" else torch.stack(parts)
            torch.testing.assert_close(tokens[b, t], expected, rtol=1e-5, atol=1e-5)


def test_only_the_final_observation_of_an_ended_episode_is_seen():
    embedding, _ = normalised_embedding()
    batch = random_histories(2, 13, REAL_SCHEMA)
    tokens = embedding(step_inputs(batch))
    batch["next_observation"][:, :5] += 1.0  # within the first episode; row 5 ends it
    assert torch.equal(tokens, embedding(step_inputs(batch)))
    batch["next_observation"][:, 5] += 1.0
    assert not torch.equal(tokens, embedding(step_inputs(batch)))


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_streaming_equals_the_forward_pass(layout):
    model = small_model(REAL_SCHEMA, attention_window=16, layout=layout)
    batch = random_histories(3, 64, REAL_SCHEMA)
    model.embedding.normalise_by(batch["observation"].numpy()[0], batch["reward"].numpy()[0])
    with torch.no_grad():
        expected = model(batch)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)


def test_constants_come_back_with_the_weights(tmp_path):
    model = small_model(REAL_SCHEMA)
    batch = random_histories(2, 12, REAL_SCHEMA)
    before = model(batch)
    model.embedding.normalise_by(batch["observation"].numpy()[0] * 3, batch["reward"].numpy()[0])
    assert not torch.equal(model(batch), before)
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.schema == REAL_SCHEMA
    assert torch.equal(loaded(batch), model(batch))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value):
    embedding, sample = normalised_embedding()
    sample[3, 2] = value
    with pytest.raises(InvalidArgument, match="real observations must be finite"):
        embedding.normalise_by(sample.reshape(500, 2, 3), np.ones(500))
    batch = random_histories(1, 4, REAL_SCHEMA)
    batch["observation"][0, 2, 1, 1] = value
    with pytest.raises(InvalidArgument, match="observation must be finite"):
        embedding(step_inputs(batch))
