"""The weights are those of the model's own forward pass, by the definition of attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import adfast.models.transformer
from adfast.attention import attention
from adfast.attention.reference import attention as reference_attention
from adfast.errors import InvalidArgument
from adfast.probes.attended.weights import AttentionWeights
from models.model_cases import random_histories, small_model

LENGTH = 40
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "whole history": {"attention_window": None},
    "window per layer": {"attention_window": [None, 3]},
    "grouped heads": {"num_heads": 4, "num_kv_heads": 2},
    "rope": {"position_encoding": "rope"},
    "learned positions": {"position_encoding": "learned", "num_learned_positions": LENGTH},
    "qk norm": {"qk_norm": True},
    "post norm": {"norm": "post"},
    "three tokens": {"layout": "three-token", "position_encoding": "partial-rope"},
}


@pytest.fixture(params=SETTINGS)
def read(request, monkeypatch):
    """A model, its history, its logits, and the exact weights `[L, H, T, T]` of its forward."""
    model = small_model(**{"attention_window": 11} | SETTINGS[request.param]).eval()
    batch = random_histories(1, LENGTH)
    layers = []

    def spy(q, k, v, *, window, scale, **options):
        everything = torch.eye(k.shape[2], dtype=torch.float64).expand(*k.shape[:3], -1)
        weights, _ = reference_attention(
            q.double(),
            k.double(),
            everything,
            window=window,
            document_start_BT=None,
            scale=scale,
        )
        layers.append(weights[0])
        return attention(q, k, v, window=window, scale=scale, **options)

    def spy_packed(projected, num_heads, **options):
        num_kv_heads = (projected.shape[2] - num_heads) // 2
        heads = projected.split((num_heads, num_kv_heads, num_kv_heads), dim=2)
        return spy(*(x.transpose(1, 2) for x in heads), **options).transpose(1, 2)

    monkeypatch.setattr(adfast.models.transformer, "attention", spy)
    monkeypatch.setattr(adfast.models.transformer, "packed_attention", spy_packed)
    with torch.no_grad():
        logits = model(batch)[0]
    per = model.config.tokens_per_transition
    acting = torch.stack(layers)[:, :, per - 1 :: per]
    exact = acting.unflatten(-1, (-1, per)).sum(dim=-1)
    return model, {name: values[0].numpy() for name, values in batch.items()}, logits, exact


def test_weights_are_the_softmax_of_the_definition(read):
    model, history, logits, exact = read
    weights = AttentionWeights(model, history)
    torch.testing.assert_close(weights.logits, logits)
    found = weights.of(np.arange(LENGTH))
    torch.testing.assert_close(found.double(), exact, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(found.shape[:3]))


def test_any_queries_can_be_asked_for_in_any_order(read):
    model, history, *_ = read
    weights = AttentionWeights(model, history)
    queries = np.array([30, 0, 7])
    torch.testing.assert_close(weights.of(queries), weights.of(np.arange(LENGTH))[:, :, queries])


@pytest.mark.parametrize("query", [-1, LENGTH])
def test_query_outside_of_the_history_is_refused(query):
    history = {name: values[0].numpy() for name, values in random_histories(1, LENGTH).items()}
    weights = AttentionWeights(small_model(), history)
    with pytest.raises(InvalidArgument, match=rf"queries must be in 0\.\.39.*got {query}"):
        weights.of(np.array([3, query]))
