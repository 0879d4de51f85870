"""Recurrent layers of ours are `nn.GRU` and `nn.LSTM`, in value and in all gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from adfast import _native
from adfast.models.layers import recurrent
from adfast.models.layers.recurrent import RecurrentSteps, remembered
from models.layer_cases import (
    assert_equals_float64,
    differentiate,
    every_instruction_set,
    random_tensors,
)

GATE_TOLERANCE = {"rtol": 5e-7, "atol": 1e-9}  # of float32 against float64
SHAPES = [  # batch, time, channels, width, layers
    (1, 1, 1, 1, 1),
    (3, 5, 7, 13, 1),
    (33, 20, 64, 64, 1),
    (50, 9, 17, 48, 3),
    (100, 3, 8, 33, 2),
    (2, 40, 5, 16, 1),
]

both_bodies = pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])


def zeros(*shape):
    return np.zeros(shape, np.float32)


def make_body(kind, channels, width, layers):
    """A body whose weights come from nobody's generator."""
    body = kind(channels, width, layers, batch_first=True, device="meta").to_empty(device="cpu")
    weights = random_tensors(width, *(weight.shape for weight in body.parameters()))
    for parameter, weight in zip(body.parameters(), weights, strict=True):
        parameter.data = weight.detach() / width**0.5
    return body


def of_torch(body):
    """The body as a function of inputs and weights, in any precision."""
    is_lstm, layers = isinstance(body, nn.LSTM), body.num_layers

    def function(x, *weights):
        zeros = x.new_zeros(layers, len(x), body.hidden_size)
        call = torch.lstm if is_lstm else torch.gru
        state = (zeros, zeros) if is_lstm else zeros
        return call(x, state, weights, True, layers, 0.0, True, False, True)[0]

    return function


@both_bodies
@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_and_all_gradients_match_float64(shape, kind, forced):
    batch, time, *sizes = shape
    body = make_body(kind, *sizes)
    (x,) = random_tensors(batch, (batch, time, sizes[0]))
    plain = of_torch(body)
    torch.testing.assert_close(plain(x, *body.parameters()), body(x)[0])
    assert_equals_float64(lambda x, *_: remembered(body, x), plain, [x, *body.parameters()])


@both_bodies
@pytest.mark.parametrize(("num_rows", "parts", "layers"), [(1, 1, 1), (30, 7, 1), (9, 3, 2)])
def test_sums_of_rows_are_inputs_too(num_rows, parts, layers, kind, forced):
    body = make_body(kind, 10, 18, layers)
    (table,) = random_tensors(num_rows, (num_rows, 10))
    generator = torch.Generator().manual_seed(parts)
    rows = torch.randint(0, num_rows, (5, 11, parts), generator=generator)
    plain, tensors = of_torch(body), [table, *body.parameters()]
    assert_equals_float64(
        lambda table, *_: remembered(body, table, rows),
        lambda table, *weights: plain(F.embedding(rows, table).sum(-2), *weights),
        tensors,
    )
    with torch.no_grad():
        expected = plain(F.embedding(rows, table).sum(-2), *tensors[1:])
        torch.testing.assert_close(remembered(body, table, rows), expected)


@both_bodies
def test_great_inputs_and_weights_match_float64(kind, forced):
    body = make_body(kind, 5, 19, 1)
    with torch.no_grad():
        for weight in body.parameters():
            weight.mul_(20)
    (x,) = random_tensors(0, (4, 6, 5))
    tensors = [x, *body.parameters()]
    assert_equals_float64(lambda x, *_: remembered(body, x), of_torch(body), tensors, 1e-5)


@both_bodies
def test_any_strides_are_taken_and_an_empty_batch(kind):
    body = make_body(kind, 6, 10, 2)
    (x,) = random_tensors(0, (8, 12, 12))
    for some in (x[::2, ::3, ::2], x[:4, :, :6].transpose(0, 1), x[:0, :, :6]):
        found = differentiate(lambda x, *_: remembered(body, x), [some, *body.parameters()])
        expected = differentiate(of_torch(body), [some, *body.parameters()])
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@both_bodies
def test_the_same_bits_every_time_and_a_graph_that_can_be_gone_through_again(kind, forced):
    body = make_body(kind, 7, 20, 1)
    (x,) = random_tensors(0, (60, 9, 7))
    first = differentiate(lambda x, *_: remembered(body, x), [x, *body.parameters()])
    again = differentiate(lambda x, *_: remembered(body, x), [x, *body.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    out = remembered(body, x).sum()
    tensors = [x, *body.parameters()]
    kept = torch.autograd.grad(out, tensors, retain_graph=True)
    for one, other in zip(kept, torch.autograd.grad(out, tensors), strict=True):
        assert torch.equal(one, other)


@both_bodies
def test_a_sequence_is_computed_alike_in_any_company(kind, forced):
    body = make_body(kind, 7, 20, 2)
    (x,) = random_tensors(0, (60, 5, 7))
    together = remembered(body, x)
    for rows in (slice(0, 1), slice(3, 8), slice(47, 60)):
        torch.testing.assert_close(remembered(body, x[rows]), together[rows], rtol=1e-5, atol=1e-6)


@both_bodies
def test_what_the_kernels_do_not_take_torch_computes(kind, monkeypatch):
    body = make_body(kind, 3, 4, 1)
    (x,) = random_tensors(0, (2, 3, 3))
    expected = remembered(body, x)
    monkeypatch.setattr(recurrent, "GRULayer", None)
    monkeypatch.setattr(recurrent, "LSTMLayer", None)
    with torch.no_grad():
        torch.testing.assert_close(remembered(body, x), expected)
    assert remembered(body.double(), x.double()).dtype == torch.float64


@both_bodies
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("batch", [1, 3, 130])
def test_step_by_step_it_remembers_the_same(batch, layers, kind, forced):
    body = make_body(kind, 5, 20, layers)
    x, table = random_tensors(batch, (batch, 7, 5), (9, 5))
    rows = torch.randint(0, 9, (batch, 7, 2), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for inputs, steps, expected in (
            (x, RecurrentSteps(body, batch), remembered(body, x)),
            (rows, RecurrentSteps(body, batch, table, 2), remembered(body, table, rows)),
        ):
            for t in range(7):
                found = steps(inputs[:, t].contiguous())
                torch.testing.assert_close(found, expected[:, t], rtol=1e-5, atol=2e-6)


def gates_of(instruction_set, given):
    """What a GRU without weights makes of what its gates are `given` `[3, N]`."""
    width = given.shape[1]
    gates, recalled, out = (np.full((1, 1, n * width), np.nan, np.float32) for n in (3, 1, 1))
    weights = (zeros(3 * width, width), zeros(3 * width))
    _native.gru(instruction_set, given.reshape(gates.shape), None, *weights, gates, recalled, out)
    return gates.reshape(given.shape), out.ravel()


@every_instruction_set
def test_gates_are_within_a_few_units_in_the_last_place(instruction_set):
    size = np.logspace(-20, np.log10(60), 500)
    x = np.concatenate([-size, size, np.linspace(-12, 12, 501)]).astype(np.float32)
    (reset, update, new), out = gates_of(instruction_set, np.stack([x, -x, x]))
    exact = x.astype(np.float64)
    np.testing.assert_allclose(reset, 1 / (1 + np.exp(-exact)), **GATE_TOLERANCE)
    np.testing.assert_allclose(update, 1 / (1 + np.exp(exact)), **GATE_TOLERANCE)
    np.testing.assert_allclose(new, np.tanh(exact), rtol=GATE_TOLERANCE["rtol"])
    np.testing.assert_allclose(out, new * (1 - update), rtol=1e-6, atol=1e-7)


@every_instruction_set
def test_gates_of_what_is_not_a_finite_number(instruction_set):
    x = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38], np.float32)
    (reset, _, new), out = gates_of(instruction_set, np.stack([x, x, x]))
    np.testing.assert_allclose(reset, [np.nan, 1, 0, 1, 0], atol=1e-29)
    np.testing.assert_allclose(new, [np.nan, 1, -1, 1, -1])
    assert np.isnan(out[0])


STATES, GIVEN, WEIGHT = zeros(2, 3, 4), zeros(2, 3, 12), zeros(12, 4)
OUT_OF_GRU = {"gates": GIVEN, "recalled": STATES, "out": STATES}
INTO_GRU = {
    "projected": GIVEN,
    "initial": zeros(3, 4),
    "weight": WEIGHT,
    "bias": zeros(12),
    **OUT_OF_GRU,
}
INTO_GRADIENT = {
    **{"d_out": STATES, "weight": WEIGHT, **OUT_OF_GRU},
    **{"d_projected": GIVEN, "d_recalled": STATES},
}


@pytest.mark.parametrize(
    ("call", "arguments", "wrong"),
    [
        *(("gru", INTO_GRU, {name: zeros(2, 3, 5)}) for name in INTO_GRU),
        ("gru", INTO_GRU, {"out": zeros(6, 4)}),
        ("gru", INTO_GRU, {"recalled": np.zeros((2, 3, 4))}),
        ("lstm", {**INTO_GRU, "initial_cells": None, "cells": STATES}, {"gates": zeros(2, 3, 12)}),
        *(("gru_backward", INTO_GRADIENT, {name: zeros(2, 3, 5)}) for name in INTO_GRADIENT),
        ("gru_backward", INTO_GRADIENT, {"d_projected": GIVEN[::-1]}),
    ],
)
def test_arrays_of_other_sizes_are_refused(call, arguments, wrong):
    given = {**arguments, **wrong}
    if call == "lstm":
        del given["recalled"]
    with pytest.raises(ValueError, match=r"(array|out) must be"):
        getattr(_native, call)("portable", **given)
