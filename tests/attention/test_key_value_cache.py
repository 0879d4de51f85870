import pytest
import torch

from adfast.attention import KeyValueCache
from adfast.errors import InvalidArgument


def test_a_ring_never_grows():
    cache = KeyValueCache(2, 1, 4, window=5)
    cache.reserve(10_000)
    assert cache.num_slots == 5


def test_a_growing_cache_keeps_its_contents_and_doubles():
    cache = KeyValueCache(2, 1, 4, window=None)
    slots = cache.num_slots
    cache.keys.fill_(1.0)
    cache.values.fill_(2.0)
    cache.reserve(slots + 1)
    assert cache.num_slots == 2 * slots
    assert bool((cache.keys[:, :, :slots] == 1.0).all())
    assert bool((cache.values[:, :, :slots] == 2.0).all())
    assert not cache.keys[:, :, slots:].any()


def test_dtype_is_kept_when_growing():
    cache = KeyValueCache(1, 1, 4, window=None, dtype=torch.float64)
    cache.reserve(1000)
    assert cache.values.dtype == torch.float64


def test_window_zero_is_refused():
    with pytest.raises(InvalidArgument, match="at least 1, got 0; None to grow"):
        KeyValueCache(1, 1, 4, window=0)
