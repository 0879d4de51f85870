import pytest
import torch

from adfast.attention import KeyValueCache, reference
from adfast.attention.triton import decode, tiles

NUM_ENVIRONMENTS = 3


@pytest.mark.parametrize(
    ("window", "length", "prefilled", "heads", "head_dim", "dtype", "num_splits"),
    [
        (7, 20, 0, (2, 2), 16, torch.float32, 1),
        pytest.param(*(7, 20, 0, (4, 1), 32, torch.float32, 1), marks=pytest.mark.thorough),
        (1, 4, 0, (2, 2), 64, torch.float32, 1),
        pytest.param(*(140, 150, 138, (1, 1), 16, torch.float32, 1), marks=pytest.mark.thorough),
        (140, 150, 138, (3, 1), 16, torch.float32, 1),
        (None, 12, 0, (4, 2), 16, torch.float32, 1),
        pytest.param(*(None, 68, 60, (2, 2), 16, torch.float32, 1), marks=pytest.mark.thorough),
        pytest.param(*(7, 16, 0, (1, 1), 16, torch.bfloat16, 1), marks=pytest.mark.thorough),
        (7, 16, 0, (6, 2), 16, torch.bfloat16, 1),
        # Split into shares of several blocks, one and none, across the ring's end and a doubling.
        (700, 703, 699, (1, 1), 16, torch.float32, 3),
        pytest.param(*(700, 702, 699, (2, 1), 64, torch.float32, 2), marks=pytest.mark.thorough),
        (300, 300, 299, (1, 1), 128, torch.bfloat16, 33),
        pytest.param(*(300, 302, 299, (3, 1), 32, torch.bfloat16, 5), marks=pytest.mark.thorough),
        pytest.param(*(None, 130, 126, (2, 2), 16, torch.float32, 2), marks=pytest.mark.thorough),
        (None, 6, 0, (4, 1), 16, torch.float32, 4),
    ],
)
def test_decode_equals_attention(
    window, length, prefilled, heads, head_dim, dtype, num_splits, monkeypatch
):
    """Environments begin at different steps and one is reset on the way: a document of its own."""
    monkeypatch.setattr(tiles, "decode_splits", lambda num_slots, num_rows: num_splits)
    torch.manual_seed(0)
    num_heads, num_key_heads = heads
    q, k, v = (
        torch.randn(NUM_ENVIRONMENTS, length, count, head_dim).to(dtype)
        for count in (num_heads, num_key_heads, num_key_heads)
    )
    begins = torch.tensor([0, 1000 if window else 3, 5])
    reset_at = torch.tensor([length, length, length - 5])
    cache = KeyValueCache(NUM_ENVIRONMENTS, num_key_heads, head_dim, window, dtype=dtype)
    cache.reserve(int(begins.max()) + prefilled)
    cache.keys.fill_(torch.nan)  # a token that was never written must never be read
    cache.values.fill_(torch.nan)
    environment = torch.arange(NUM_ENVIRONMENTS)
    for time in range(prefilled):
        cache.keys[environment, :, (begins + time) % cache.num_slots] = k[:, time]
        cache.values[environment, :, (begins + time) % cache.num_slots] = v[:, time]

    streamed = []
    for time in range(prefilled, length):
        start = begins + torch.where(time >= reset_at, reset_at, 0)
        streamed.append(
            decode(q[:, time], k[:, time], v[:, time], cache, begins + time, start, scale=0.25)
        )
    time = torch.arange(length)
    expected, _ = reference.attention(
        *(x.transpose(1, 2).double() for x in (q, k, v)),
        window=window,
        document_start_BT=torch.where(time >= reset_at[:, None], reset_at[:, None], 0).int(),
        scale=0.25,
    )
    tolerance = 2e-2 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(
        torch.stack(streamed, 1).double(),
        expected.transpose(1, 2)[:, prefilled:],
        atol=tolerance,
        rtol=0,
    )


@pytest.mark.parametrize(
    ("num_slots", "num_rows", "num_splits"),
    [
        (256, 1, 1),
        (2047, 1, 1),
        (2048, 1, 2),
        (1 << 20, 4, 256),
        (1 << 20, 4096, 1),
        (1 << 21, 1, 1024),
        (16_384, 96, 10),
    ],
)
def test_few_heads_with_many_keys_are_split(num_slots, num_rows, num_splits):
    assert tiles.decode_splits(num_slots, num_rows) == num_splits


@pytest.mark.parametrize("num_splits", [1, 3])
def test_decode_writes_only_the_slot_of_the_step(num_splits, monkeypatch):
    monkeypatch.setattr(tiles, "decode_splits", lambda num_slots, num_rows: num_splits)
    cache = KeyValueCache(2, 1, 16, 4)
    q, new = torch.randn(2, 1, 16), torch.randn(2, 1, 16)
    step = torch.tensor([5, 2])
    decode(q, new, new, cache, step, step, scale=1.0)
    for written in (cache.keys, cache.values):
        assert written[0, :, 1].equal(new[0])
        assert written[1, :, 2].equal(new[1])
        assert written.count_nonzero() == 2 * 16
