from dataclasses import replace

import numpy as np
import pytest
import torch
from model_cases import FLOAT_REWARD_SCHEMA, REAL_SCHEMA, SCHEMA, random_histories, with_returns

from adfast.errors import InvalidArgument
from adfast.models.embedding.step_input import step_inputs
from adfast.models.embedding.transition_embedding import TransitionEmbedding


def embedding_of(schema, layout="one-token", **options):
    return TransitionEmbedding(schema, 8, layout, torch.Generator().manual_seed(0), **options)


def tokens_by_hand(embedding, batch, b, t, start):
    """The three tokens of transition t of history b, written out with plain indexing."""
    schema = embedding.schema
    block = dict(
        zip(
            ["action", "reward", "final", "observation", "step"],
            embedding.table.split(
                [
                    schema.num_actions + 1,
                    2 if schema.reward_dtype == "float32" else 257,
                    sum(size + 1 for size in schema.observation.sizes),
                    sum(schema.observation.sizes),
                    schema.episode_length,
                ]
            ),
            strict=True,
        )
    )
    first = t == start
    action = block["action"][-1 if first else int(batch["action"][b, t - 1])]
    if schema.reward_dtype != "float32":
        least = torch.iinfo(batch["reward"].dtype).min
        reward = block["reward"][-1 if first else int(batch["reward"][b, t - 1]) - least]
    elif first:
        reward = block["reward"][1]
    else:
        reward = block["reward"][0] + batch["reward"][b, t - 1] * embedding.reward_direction
    shows_final = not first and int(batch["episode_step"][b, t]) == 0
    sizes = schema.observation.sizes
    final_blocks = block["final"].split([size + 1 for size in sizes])
    observation_blocks = block["observation"].split(list(sizes))
    final = sum(
        rows[int(batch["next_observation"][b, t - 1, c]) if shows_final else -1]
        for c, rows in enumerate(final_blocks)
    )
    observation = sum(
        rows[int(batch["observation"][b, t, c])] for c, rows in enumerate(observation_blocks)
    )
    return action, reward + final, observation + block["step"][int(batch["episode_step"][b, t])]


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "schema", [SCHEMA, FLOAT_REWARD_SCHEMA, replace(SCHEMA, reward_dtype="int8")]
)
def test_tokens_are_the_sums_that_the_definition_writes_out(schema, packed, layout):
    batch = random_histories(2, 15, schema)
    starts = torch.zeros(2, 15, dtype=torch.int32)
    if packed:
        starts[0, 4:], starts[1, 12:] = 4, 12
        batch["document_start"] = starts
    embedding = embedding_of(schema, layout)
    tokens = embedding(step_inputs(batch))
    for b in range(2):
        for t in range(15):
            parts = tokens_by_hand(embedding, batch, b, t, int(starts[b, t]))
            expected = sum(parts) if layout == "one-token" else torch.stack(parts)
            torch.testing.assert_close(tokens[b, t], expected)


@pytest.mark.parametrize(
    ("schema", "options"),
    [
        *((schema, {}) for schema in (SCHEMA, FLOAT_REWARD_SCHEMA, REAL_SCHEMA)),
        *((schema, {"reads_rewards": False}) for schema in (SCHEMA, FLOAT_REWARD_SCHEMA)),
        (SCHEMA, {"is_set": True}),
    ],
)
def test_rows_are_found_alike_by_numpy_and_by_torch(schema, options):
    embedding = embedding_of(schema, **options)
    inputs = step_inputs(random_histories(3, 40, schema), is_set="is_set" in options)
    assert torch.equal(embedding.host_values(inputs), embedding.values(inputs))


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("schema", [SCHEMA, FLOAT_REWARD_SCHEMA, REAL_SCHEMA])
def test_return_is_added_to_the_last_token_of_a_transition(schema, layout):
    """Linearly; all else is as in the embedding that reads none."""
    batch = with_returns(random_histories(2, 15, schema))
    embedding = embedding_of(schema, layout, reads_return=True)
    embedding.normalise_returns(np.array([2.0, -2.0]), 7.0)
    assert (float(embedding.return_scale), float(embedding.best_return)) == (0.5, 7.0)
    expected = embedding_of(schema, layout)(step_inputs(batch)).clone()
    part = batch["return_to_go"][..., None] * 0.5 * embedding.return_direction
    expected[(..., slice(None)) if layout == "one-token" else (..., 2, slice(None))] += part
    torch.testing.assert_close(embedding(step_inputs(batch)), expected)


def test_gradient_of_a_return_is_what_the_tokens_get():
    batch = with_returns(random_histories(2, 15))
    embedding = embedding_of(SCHEMA, reads_return=True)
    embedding.normalise_returns(np.full(3, 0.5), 1.0)
    given = torch.randn(2, 15, 8, generator=torch.Generator().manual_seed(1))
    (embedding(step_inputs(batch)) * given).sum().backward()
    expected = (2 * batch["return_to_go"][..., None] * given).sum(dim=(0, 1))
    torch.testing.assert_close(embedding.return_direction.grad, expected)


def test_returns_that_are_missing_or_not_finite_are_refused():
    batch = random_histories(2, 15)
    embedding = embedding_of(SCHEMA, reads_return=True)
    with pytest.raises(InvalidArgument, match=r"return_to_go must be there .* and is missing; "):
        embedding(step_inputs(batch))
    batch = with_returns(batch)
    batch["return_to_go"][1, 3] = torch.nan
    with pytest.raises(InvalidArgument, match="return_to_go must be finite, got nan or inf"):
        embedding(step_inputs(batch))


def test_the_past_of_a_first_transition_is_ignored():
    batch = random_histories(2, 1)
    embedding = embedding_of(SCHEMA)
    tokens = embedding(step_inputs(batch))
    changed = {**batch, "action": 200 + 0 * batch["action"], "reward": batch["reward"] + 9}
    assert torch.equal(tokens, embedding(step_inputs(changed)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("observation", 9, r"observation\[0\] must be in 0\.\.8 by the model's schema, got 9"),
        # The first number behind the greatest is the row that means "none".
        ("action", 5, r"previous_action must be in 0\.\.4 by the model's schema, got 5"),
        ("action", 6, r"previous_action must be in 0\.\.4 by the model's schema, got 6"),
        ("episode_step", 6, r"episode_step must be in 0\.\.5 by the model's schema, got 6"),
        ("next_observation", 9, r"previous_final_observation\[0\] must be in 0\.\.8 .* got 9"),
        ("next_observation", 200, r"previous_final_observation\[0\] must be in 0\.\.8"),
    ],
)
def test_values_outside_the_schema_are_refused(field, value, message):
    batch = random_histories(2, 15)
    batch[field] = batch[field].clone()
    batch[field][1, 5] = value
    with pytest.raises(InvalidArgument, match=message):
        embedding_of(SCHEMA)(step_inputs(batch))
