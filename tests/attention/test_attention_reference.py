import pytest
import torch
from attention_cases import random_document_start, random_qkv

from adfast.attention import attention
from reference.attention import attention as attention_twin


@pytest.mark.parametrize("window", [None, 1, 4, 50])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("heads", "kv_heads"), [(2, 2), (4, 2), (3, 1)])
def test_definition_matches_plain_loops(window, packed, heads, kv_heads):
    q, k, v = random_qkv(0, 13, heads=heads, kv_heads=kv_heads, head_dim=4, dtype=torch.float64)
    starts = random_document_start(1, 13, mean=4) if packed else None
    out = attention(q, k, v, window=window, document_start=starts, scale=0.7, backend="reference")
    twin = attention_twin(
        q.tolist(), k.tolist(), v.tolist(), window, starts.tolist() if packed else None, 0.7
    )
    torch.testing.assert_close(out, torch.tensor(twin, dtype=torch.float64))


def test_log_sum_exp_is_that_of_the_visible_logits():
    q, k, v = random_qkv(0, 9, dtype=torch.float64)
    out, lse = attention(q, k, v, window=3, scale=0.5, return_lse=True, backend="reference")
    logits = 0.5 * q[1, 0, 8] @ k[1, 0, 6:9].T
    torch.testing.assert_close(lse[1, 0, 8], logits.logsumexp(0))
    torch.testing.assert_close(out[1, 0, 8], logits.softmax(0) @ v[1, 0, 6:9])
