import pytest
import torch
from model_cases import (
    FLOAT_REWARD_SCHEMA,
    SCHEMA,
    input_at,
    random_histories,
    small_model,
    stream,
    with_returns,
)

from adfast.errors import InvalidArgument
from adfast.models.embedding.step_input import StepInput

WINDOW = 16
LENGTH = 8 * WINDOW
ENCODINGS = {
    "none": {},
    "rope": {"position_encoding": "rope"},
    "partial-rope": {"position_encoding": "partial-rope"},
    "learned": {"position_encoding": "learned", "num_learned_positions": LENGTH},
}


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_streaming_equals_the_forward_pass_over_the_whole_history(encoding, layout):
    model = small_model(attention_window=WINDOW, layout=layout, **ENCODINGS[encoding])
    batch = random_histories(3, LENGTH)
    with torch.no_grad():
        expected = model(batch)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)


def test_streaming_equals_the_forward_pass_where_the_context_is_a_set():
    model = small_model(attention_window=None, context="set")
    batch = random_histories(3, LENGTH)
    with torch.no_grad():
        expected = model(batch)
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_streaming_equals_the_forward_pass_where_returns_are_read(layout):
    model = small_model(attention_window=WINDOW, layout=layout, reads_return=True)
    batch = with_returns(random_histories(3, LENGTH))
    with torch.no_grad():
        expected, others = model(batch), model(with_returns(batch, seed=1))
    assert (expected - others).abs().max() > 0.1
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"norm": "post"},
        {"qk_norm": True, "position_encoding": "rope"},
        {"num_heads": 4, "num_kv_heads": 1},
        {"attention_window": [5, None]},
        {"attention_window": None},
        {"attention_window": 1},
        {"num_layers": 4, "attention_window": [3, 16, None, 1]},
    ],
)
def test_streaming_equals_the_forward_pass_under_every_option(settings):
    model = small_model(**{"attention_window": WINDOW, **settings})
    batch = random_histories(2, LENGTH)
    with torch.no_grad():
        torch.testing.assert_close(stream(model, batch), model(batch), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"position_encoding": "rope", "layout": "three-token"},
        {"num_heads": 4, "num_kv_heads": 1},
        {"attention_window": None},
        {"num_layers": 4, "attention_window": [3, 16, None, 1]},
    ],
)
def test_cache_in_bfloat16_streams_the_forward_pass_within_its_rounding(settings):
    model = small_model(**{"attention_window": WINDOW, **settings})
    batch = random_histories(2, LENGTH)
    cache = model.new_cache(2, torch.bfloat16)
    assert {layer.keys.dtype for layer in cache.layers} == {torch.bfloat16}
    streamed = stream(model, batch, torch.bfloat16)
    assert streamed.dtype == torch.float32
    with torch.no_grad():
        expected = model(batch)
    assert not streamed.equal(expected)
    torch.testing.assert_close(streamed, expected, rtol=0, atol=0.03)


def test_streaming_equals_the_forward_pass_for_real_rewards():
    model = small_model(FLOAT_REWARD_SCHEMA, attention_window=WINDOW)
    batch = random_histories(2, 40, FLOAT_REWARD_SCHEMA)
    with torch.no_grad():
        torch.testing.assert_close(stream(model, batch), model(batch), rtol=0, atol=1e-4)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_a_reset_environment_begins_anew_and_the_others_go_on(layout, encoding):
    model = small_model(attention_window=WINDOW, layout=layout, **ENCODINGS[encoding])
    batch = random_histories(3, 60)
    cache = model.new_cache(3)
    logits = []
    for t in range(60):
        cache.reset(torch.tensor([t == 21, False, t in (5, 40)]))
        logits.append(model.step(input_at(batch, t, cache), cache))
    starts = torch.zeros(3, 60, dtype=torch.int32)
    starts[0, 21:], starts[2, 5:], starts[2, 40:] = 21, 5, 40
    with torch.no_grad():
        expected = model({**batch, "document_start": starts})
    torch.testing.assert_close(torch.stack(logits, dim=1), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("all_at_once", [False, True])
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("window", [5, None])
def test_what_was_forgotten_has_no_influence_whatever_it_was(window, layout, all_at_once):
    model = small_model(FLOAT_REWARD_SCHEMA, attention_window=window, layout=layout)
    batch = random_histories(3, 30, FLOAT_REWARD_SCHEMA)
    cache = model.new_cache(3)
    spoiled = {**batch, "reward": batch["reward"].clone()}
    spoiled["reward"][0, 3:5] = torch.nan
    held_back = torch.tensor([True, True, False])
    for t in range(7):
        logits = model.step(input_at(spoiled, t, cache), cache, held_back if t % 2 else None)
    assert logits[0].isnan().all()
    assert logits[1:].isfinite().all()
    reset = torch.tensor([True, False, False])
    cache.reset(None if all_at_once else reset)
    for t in range(20):
        logits = model.step(input_at(batch, t, cache), cache, held_back if t % 3 == 1 else None)
        assert logits.isfinite().all()
    expected = stream(model, {name: values[:1, :20] for name, values in batch.items()})[:, -1]
    torch.testing.assert_close(logits[:1], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("window", [WINDOW, None])
def test_resetting_all_equals_a_new_cache(window):
    model = small_model(attention_window=window)
    batch = random_histories(2, 30)
    cache = model.new_cache(2)
    for t in range(30):
        model.step(input_at(batch, t, cache), cache)
    cache.reset()
    assert bool(cache.is_first.all())
    again = [model.step(input_at(batch, t, cache), cache) for t in range(30)]
    torch.testing.assert_close(torch.stack(again, dim=1), stream(model, batch))


def test_a_wrong_reset_mask_is_refused():
    cache = small_model().new_cache(3)
    for mask in (torch.ones(2, dtype=torch.bool), torch.ones(3, dtype=torch.int64)):
        with pytest.raises(InvalidArgument, match=r"reset mask must be bool \[3\]"):
            cache.reset(mask)


def test_disagreeing_with_the_cache_about_the_first_step_is_refused():
    model = small_model(SCHEMA)
    batch = random_histories(3, 2)
    cache = model.new_cache(3)
    model.step(input_at(batch, 0, cache), cache)
    inputs = input_at(batch, 1, model.new_cache(3))
    with pytest.raises(InvalidArgument, match=r"is_first must be that of the cache"):
        model.step(inputs, cache)


def test_no_environment_is_refused():
    with pytest.raises(
        InvalidArgument, match="num_environments must be an integer of at least 1, got 0"
    ):
        small_model().new_cache(0)


@pytest.mark.parametrize(
    ("cache_dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.03)]
)
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("window", [5, None])
def test_held_environments_stay_where_they_are(layout, window, cache_dtype, tolerance):
    model = small_model(attention_window=window, layout=layout)
    batch = random_histories(4, 40)
    cache = model.new_cache(4, cache_dtype)
    generator = torch.Generator().manual_seed(0)
    time = torch.zeros(4, dtype=torch.int64)
    found = torch.full((4, 40, SCHEMA.num_actions), torch.nan)
    while (time < 40).any():
        active = (torch.rand(4, generator=generator) < 0.6) & (time < 40)
        shown = time.clamp(max=39)
        at_each = [input_at(batch, int(t), cache) for t in shown]
        fields = ("observation", "previous_action", "previous_reward")
        fields += ("previous_final_observation", "episode_step", "is_first")
        inputs = StepInput(
            **{
                name: torch.stack([getattr(one, name)[n] for n, one in enumerate(at_each)])
                for name in fields
            }
        )
        logits = model.step(inputs, cache, active)
        found[active, time[active]] = logits[active]
        time += active
    with torch.no_grad():
        torch.testing.assert_close(found, model(batch), rtol=0, atol=tolerance)


def test_cache_beyond_the_memory_is_refused_before_it_is_taken():
    with pytest.raises(InvalidArgument, match=r"num_environments of 1099511627776 takes .* GiB"):
        small_model(attention_window=5).new_cache(2**40)
