"""Devices and precisions are resolved once; a choice that cannot run is refused with a way out."""

import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.models import device
from adfast.models.device import (
    host_tensor,
    in_precision,
    resolve_cache,
    resolve_device,
    resolve_precision,
)
from models.model_cases import random_histories, small_model, stream

CPU = torch.device("cpu")
CARD = torch.device("cuda", 0)


@pytest.fixture
def no_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_is_the_card_where_there_is_one(claimed_card):
    assert resolve_device("auto", "s") == resolve_device("cuda", "s") == CARD
    assert resolve_device("cpu", "s") == CPU


def test_auto_is_the_processor_elsewhere(no_card):
    assert resolve_device("auto", "s") == CPU


def test_cuda_without_a_card_is_refused(no_card):
    with pytest.raises(InvalidArgument, match=r'^training\.device = "cuda" needs a CUDA.*"auto"'):
        resolve_device("cuda", "training.device")


def test_unknown_names_are_refused():
    with pytest.raises(InvalidArgument, match=r's must be "auto", "cpu" or "cuda", got \'gpu\''):
        resolve_device("gpu", "s")
    with pytest.raises(InvalidArgument, match=r'p must be "auto", "float32" or "bfloat16", got'):
        resolve_precision("float16", CPU, "p")


def test_precision_follows_the_device_unless_given(claimed_card):
    assert resolve_precision("auto", CPU, "p") == torch.float32
    assert resolve_precision("auto", CARD, "p") == torch.bfloat16
    assert resolve_precision("float32", CARD, "p") == torch.float32
    assert resolve_precision("bfloat16", CPU, "p") == torch.bfloat16


def test_card_without_bfloat16_computes_in_float32(claimed_card, monkeypatch):
    monkeypatch.setattr(device.torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert resolve_precision("auto", CARD, "p") == torch.float32
    with pytest.raises(
        InvalidArgument, match=r'p = "bfloat16" needs .* 8\.0, got Card; use "auto"'
    ):
        resolve_precision("bfloat16", CARD, "p")


def test_cache_is_never_finer_than_the_blocks():
    assert resolve_cache("float32", CPU, torch.float32, "c") == torch.float32
    assert resolve_cache("bfloat16", CPU, torch.float32, "c") == torch.bfloat16
    for choice in ("float32", "bfloat16"):
        assert resolve_cache(choice, CARD, torch.bfloat16, "c") == torch.bfloat16
        assert resolve_cache(choice, CPU, torch.bfloat16, "c") == torch.bfloat16


def test_cache_that_no_kernel_reads_is_refused():
    with pytest.raises(InvalidArgument, match=r"c must be .float32. or .bfloat16., got .auto."):
        resolve_cache("auto", CPU, torch.float32, "c")
    with pytest.raises(InvalidArgument, match=r'c = "bfloat16" needs blocks in bfloat16 on a CUDA'):
        resolve_cache("bfloat16", CARD, torch.float32, "c")


def test_host_memory_is_pageable_where_nothing_copies_from_it():
    assert not host_tensor((2, 3), torch.uint8, CPU).is_pinned()


def test_model_that_fits_is_not_copied():
    model = small_model()
    assert in_precision(model, CPU, torch.float32) is model


def test_blocks_compute_in_bfloat16_and_all_else_in_float32():
    settings = {"position_encoding": "rope", "qk_norm": True, "attention_window": 5}
    model, batch = small_model(num_layers=2, **settings).eval(), random_histories(3, 20)
    rounded = in_precision(model, CPU, torch.bfloat16)
    assert model.block_dtype == torch.float32
    assert rounded.block_dtype == torch.bfloat16
    kept = {name: p.dtype for name, p in rounded.named_parameters() if "blocks" not in name}
    assert set(kept.values()) == {torch.float32}
    with torch.no_grad():
        exact, logits = model(batch), rounded(batch)
    assert logits.dtype == torch.float32
    error = (logits - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    assert 0 < error < 0.02
    streamed = stream(rounded, batch)  # its cache is in bfloat16 too
    error = (streamed - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    assert error < 0.02
