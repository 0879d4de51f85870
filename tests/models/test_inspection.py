"""What a watch sees is what the model computes, and what it puts there is what the model uses."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from model_cases import input_at, random_histories, small_model

from adfast.errors import InvalidArgument
from adfast.models.inspection import Place

PLACES = get_args(Place)
LENGTH = 20
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "grouped heads": {"num_heads": 4, "num_kv_heads": 2},
    "rope": {"position_encoding": "rope"},
    "qk norm": {"qk_norm": True},
    "post norm": {"norm": "post"},
    "three tokens": {"layout": "three-token"},
}


class Seen:
    """Keeps all that it is shown, and puts what `replace` makes of a value in its place."""

    def __init__(self, replace=lambda layer, place, value: None):
        self.values: dict[tuple[int, str], list[torch.Tensor]] = {}
        self.replace = replace

    def __call__(self, layer, place, value):
        self.values.setdefault((layer, place), []).append(value)
        return self.replace(layer, place, value)


@pytest.fixture(params=SETTINGS)
def model(request):
    return small_model(**{"attention_window": 7, "num_heads": 2} | SETTINGS[request.param])


def same(first, second):
    torch.testing.assert_close(first, second, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("with_gradient", [False, True])
def test_looking_changes_nothing_and_shows_every_place(model, with_gradient):
    seen, batch = Seen(), random_histories(2, LENGTH)
    with torch.set_grad_enabled(with_gradient):
        same(model(batch, watch=seen), model(batch))
    assert list(seen.values) == [(layer, place) for layer in range(2) for place in PLACES]
    assert {len(values) for values in seen.values.values()} == {1}
    config, tokens = model.config, LENGTH * model.config.tokens_per_transition
    heads = (2, tokens, config.num_heads, config.head_dim)
    kv_heads = (2, tokens, config.resolved_num_kv_heads, config.head_dim)
    shapes = {"query": heads, "heads": heads, "key": kv_heads, "value": kv_heads}
    for (_, place), (value,) in seen.values.items():
        assert value.shape == shapes.get(place, (2, tokens, config.width))


def test_a_layer_passes_on_what_the_next_one_reads_and_its_branches_add_up():
    model, seen = small_model(num_heads=2), Seen()
    model(random_histories(2, LENGTH), watch=seen)
    at = {place: value[0] for place, value in seen.values.items()}
    assert torch.equal(at[0, "after"], at[1, "before"])
    for layer, block in enumerate(model.blocks):
        before, after = at[layer, "before"], at[layer, "after"]
        same(before + at[layer, "attention"] + at[layer, "feed_forward"], after)
        same(at[layer, "heads"].flatten(-2) @ block.attention_out.T, at[layer, "attention"])


@pytest.mark.parametrize("place", PLACES)
def test_a_value_replaced_by_itself_changes_nothing(model, place):
    batch = random_histories(2, LENGTH)
    again = Seen(lambda _, at, value: value.clone() if at == place else None)
    same(model(batch, watch=again), model(batch))


def test_a_silenced_head_is_one_without_its_part_of_the_output_projection(model):
    batch, head = random_histories(2, LENGTH), model.config.num_heads - 1

    def silence(layer, place, value):
        if (layer, place) != (1, "heads"):
            return None
        silent = torch.arange(value.shape[-2]) == head
        return value.masked_fill(silent[:, None], 0.0)

    silenced = model(batch, watch=silence)
    width = model.config.head_dim
    with torch.no_grad():
        model.blocks[1].attention_out[:, head * width : (head + 1) * width] = 0.0
    same(silenced, model(batch))


def test_what_one_history_read_can_be_put_into_another():
    model = small_model()
    giver, taker = random_histories(2, LENGTH), random_histories(2, LENGTH, seed=1)
    seen = Seen()
    expected = model(giver, watch=seen)
    given = seen.values[1, "after"][0]
    same(model(taker, watch=lambda *at: given if at[:2] == (1, "after") else None), expected)


@pytest.mark.parametrize("place", PLACES)
def test_gradients_flow_to_what_was_put_there(model, place):
    leaves = []

    def put(layer, at, value):
        if (layer, at) != (0, place):
            return None
        leaves.append(value.detach().clone().requires_grad_())
        return leaves[0]

    model(random_histories(2, LENGTH), watch=put).square().sum().backward()
    assert leaves[0].grad.abs().max() > 0


def test_parameters_get_the_same_gradients_under_a_watch(model):
    batch, gradients = random_histories(2, LENGTH), []
    for options in ({}, {"watch": Seen()}):
        model.zero_grad()
        model(batch, **options).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for plain, watched in zip(*gradients, strict=True):
        torch.testing.assert_close(watched, plain, rtol=1e-4, atol=1e-4)


def test_blocks_that_are_recomputed_are_shown_once():
    model, seen = small_model(), Seen()
    model.recomputes_blocks = True
    model(random_histories(2, LENGTH), watch=seen).sum().backward()
    assert {len(values) for values in seen.values.values()} == {1}


def test_step_shows_and_replaces_what_forward_does(model):
    batch = random_histories(2, LENGTH)

    def halve(_, place, value):
        return value * 0.5 if place in ("key", "heads") else None

    whole, steps = Seen(halve), Seen(halve)
    cache = model.new_cache(2)
    stepped = [model.step(input_at(batch, t, cache), cache, watch=steps) for t in range(LENGTH)]
    torch.testing.assert_close(
        torch.stack(stepped, dim=1), model(batch, watch=whole), rtol=1e-4, atol=2e-5
    )
    for place, values in steps.values.items():
        torch.testing.assert_close(
            torch.stack(values, dim=1), whole.values[place][0], rtol=1e-4, atol=2e-5
        )


@pytest.mark.parametrize("replacement", [torch.zeros(3), torch.zeros(2, LENGTH, 16).double()])
def test_a_replacement_that_does_not_fit_is_refused(replacement):
    with pytest.raises(InvalidArgument, match=r'watch must replace "before" of layer 0 by .*, got'):
        small_model()(random_histories(2, LENGTH), watch=lambda *_: replacement)
