"""Windows and whole histories become a model's inputs in one place; what is checked stays so."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from model_cases import REAL_SCHEMA, SCHEMA, random_histories, small_model

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent
from adfast.models.embedding.observation_encoders import RealEncoder
from adfast.models.embedding.step_input import READ_FIELDS, as_batch, step_inputs
from adfast.models.embedding.transition_embedding import TransitionEmbedding


@pytest.mark.parametrize("schema", [SCHEMA, REAL_SCHEMA], ids=["discrete", "real"])
def test_stored_fields_are_taken_as_they_are(schema):
    fields = schema.allocate(2, 12)
    batch = as_batch(fields)
    assert set(READ_FIELDS) < batch.keys() == fields.keys()
    for name, array in fields.items():
        assert np.shares_memory(batch[name].numpy(), array)
    every_second = {name: array[:, ::2] for name, array in fields.items()}
    for name, tensor in as_batch(every_second).items():
        assert tensor.is_contiguous()
        np.testing.assert_array_equal(tensor.numpy(), every_second[name])


def test_what_is_past_is_shifted_and_hidden_where_a_history_begins():
    batch = random_histories(2, 9)
    start = torch.zeros(2, 9, dtype=torch.int32)
    start[1, 4:] = 4
    inputs = step_inputs({**batch, "document_start": start})
    for name, past in {
        "action": inputs.previous_action,
        "reward": inputs.previous_reward,
        "next_observation": inputs.previous_final_observation,
    }.items():
        assert torch.equal(past[:, 1:], batch[name][:, :-1])
    assert inputs.is_first.nonzero().tolist() == [[0, 0], [1, 0], [1, 4]]
    assert inputs.shows_final.nonzero().tolist() == [[0, 6], [1, 6]]
    assert not inputs.is_checked


def refuse_to_examine(*_):
    raise AssertionError("examined again")


@pytest.mark.parametrize("schema", [SCHEMA, REAL_SCHEMA], ids=["discrete", "real"])
def test_an_agent_checks_values_once_and_whoever_calls_the_model_is_checked_there(
    schema, monkeypatch
):
    model = small_model(schema)
    wrong = step_inputs(random_histories(2, 1, schema))
    wrong.observation[1, 0] = 200 if schema is SCHEMA else np.nan
    with pytest.raises(InvalidArgument, match=r"observation.* must be"):
        model.embedding(wrong)
    monkeypatch.setattr(TransitionEmbedding, "misfits", refuse_to_examine)
    monkeypatch.setattr(RealEncoder, "require_readable", refuse_to_examine)
    agent = Agent(model, 2, device="cpu")
    first = np.zeros((2, *schema.observation.read.shape), schema.observation.stored.dtype)
    agent.act(first)
    agent.act(first, np.zeros(2), np.ones(2, bool), np.zeros(2, bool), first)
    right = step_inputs(random_histories(2, 1, schema))
    with pytest.raises(AssertionError, match="examined again"):
        model.embedding(right)
    model.embedding(replace(right, is_checked=True))
