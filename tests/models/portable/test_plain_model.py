"""The plain model computes what the transformer does, window by window and step by step."""

import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.models.embedding.step_input import step_inputs
from adfast.models.portable.description import plain_config, plain_weights
from adfast.models.portable.plain_model import Model
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from models.model_cases import (
    FLOAT_REWARD_SCHEMA,
    REAL_SCHEMA,
    SCHEMA,
    random_histories,
    small_model,
    with_returns,
)

TOLERANCE = 1e-5
PICTURES = TransitionSchema(RealObservation("uint8", (70, 50, 3)), 3, 6, "int8")
LEARNED = {"position_encoding": "learned", "num_learned_positions": 40}
CASES = {
    "defaults": ({}, SCHEMA),
    "post-norm, learned places": ({"norm": "post", **LEARNED, "sequence_mask": 0.1}, SCHEMA),
    "rope, grouped heads, normalised queries": (
        {"position_encoding": "rope", "num_heads": 4, "num_kv_heads": 2, "qk_norm": True,
         "attention_window": [5, None]}, SCHEMA,
    ),
    "three tokens, partial rope": (
        {"layout": "three-token", "position_encoding": "partial-rope", "attention_window": 6},
        SCHEMA,
    ),
    "a set": ({"context": "set", "attention_window": None}, SCHEMA),
    "no rewards, returns": ({"reads_rewards": False, "reads_return": True}, SCHEMA),
    "real numbers in three tokens": ({"layout": "three-token", "reads_return": True}, REAL_SCHEMA),
    "real rewards, one key head": ({"num_kv_heads": 1, "attention_window": 7}, FLOAT_REWARD_SCHEMA),
    "patches": ({"picture_encoder": "patches"}, PICTURES),
    "convolutions": ({"picture_encoder": "convolutions"}, PICTURES),
    "pixels": ({"picture_encoder": "projection"}, PICTURES),
}  # fmt: skip


def model_and_batch(case, length=24):
    settings, schema = CASES[case]
    model = small_model(schema, **settings).eval()
    for name, buffer in model.named_buffers():  # as after a training, not at their defaults
        if name.rpartition(".")[2] in ("mean", "scale", "reward_scale", "return_scale"):
            buffer.mul_(0.7)
    batch = random_histories(2, length, schema)
    return model, with_returns(batch) if model.config.reads_return else batch


def plain(model):
    found = Model(plain_config(model)).eval()
    found.load_state_dict(plain_weights(model))
    return found


def inputs_at(batch, t, *, is_set):
    """What `Model.step` takes at the step t of histories."""
    inputs = step_inputs(batch, is_set=is_set)
    names = ("observation", "previous_action", "previous_reward", "previous_final_observation",
             "episode_step", "is_first", "previous_observation", "return_to_go")  # fmt: skip
    values = {name: getattr(inputs, name) for name in names}
    return {name: x[:, t] for name, x in values.items() if x is not None}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_windows_and_steps_equal_the_transformer(case):
    model, batch = model_and_batch(case)
    wanted, copy = model(batch), plain(model)
    torch.testing.assert_close(copy(**batch), wanted, atol=TOLERANCE, rtol=0)
    cache, stepped = copy.new_cache(2, longest_history=24), []
    for t in range(24):
        inputs = inputs_at(batch, t, is_set=model.config.context == "set")
        logits, cache = copy.step(cache=cache, **inputs)
        stepped.append(logits)
    torch.testing.assert_close(torch.stack(stepped, 1), wanted, atol=TOLERANCE, rtol=0)
    assert wanted.abs().max() > 0.1


@torch.no_grad()
def test_first_step_forgets_what_was_before():
    model, batch = model_and_batch("defaults", length=9)
    copy = plain(model)
    cache, logits = copy.new_cache(2), {}
    for t in (0, 1, 2, 0, 1):
        logits[t], cache = copy.step(cache=cache, **inputs_at(batch, t, is_set=False))
    torch.testing.assert_close(logits[1], model(batch)[:, 1], atol=TOLERANCE, rtol=0)


@torch.no_grad()
def test_history_longer_than_its_cache_is_refused():
    model, batch = model_and_batch("a set")
    copy = plain(model)
    with pytest.raises(ValueError, match="longest_history must be given"):
        copy.new_cache(2)
    cache = copy.new_cache(2, longest_history=2)
    for t in range(2):
        _, cache = copy.step(cache=cache, **inputs_at(batch, t, is_set=True))
    with pytest.raises(RuntimeError, match="longer than its cache"):
        copy.step(cache=cache, **inputs_at(batch, 2, is_set=True))


def test_stacks_of_pictures_are_refused():
    model = small_model(PICTURES, picture_encoder="patches", frame_stack=2)
    with pytest.raises(InvalidArgument, match=r"frame_stack must be 1 .*got 2.*; act by adfast"):
        plain_config(model)


@pytest.mark.parametrize("change", [{"version": 2}, {"format": "gpt"}])
def test_config_of_another_kind_is_refused(change):
    config = plain_config(small_model()) | change
    with pytest.raises(ValueError, match=r"must be of format adfast-plain-model, version 1, got "):
        Model(config)


@pytest.mark.parametrize(
    ("name", "value"),
    [("observation", 9), ("action", 5), ("action", -1), ("reward", 256), ("episode_step", -1)],
)
@torch.no_grad()
def test_number_out_of_range_is_no_row_of_another_block(name, value):
    copy, batch = plain(small_model().eval()), random_histories(1, 4)
    batch = {key: x.long() for key, x in batch.items()}
    copy(**batch)
    batch[name][0, 2] = value
    with pytest.raises(RuntimeError, match="is out of range"):
        copy(**batch)
    if name in ("observation", "episode_step"):  # what is now, and not before
        inputs = inputs_at(batch, 2, is_set=False)
        with pytest.raises(RuntimeError, match="is out of range"):
            copy.step(cache=copy.new_cache(1), **inputs)
