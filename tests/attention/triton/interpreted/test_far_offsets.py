"""Single programs at the far end of contexts of 10^6 tokens: offsets beyond 2^31 elements.

The tensors are views of memory of which only the pages that a test touches exist. Lengths and
numbers of heads are odd, so that no offset is right by being a round number.
"""

import math
import mmap

import pytest
import torch
from triton.runtime import interpreter

from adfast.attention import reference
from adfast.attention.layouts import strides_of
from adfast.attention.triton import tiles
from adfast.attention.triton.backward import ROWS_PER_PROGRAM, row_statistics
from adfast.attention.triton.backward_keys import key_value_gradients
from adfast.attention.triton.backward_queries import query_gradients
from adfast.attention.triton.decode_group import decode_group
from adfast.attention.triton.decode_single import decode_single
from adfast.attention.triton.forward import attention_forward

LENGTH, HEADS, D = 1_000_003, 1_101, 16
SHAPE = (2, LENGTH, HEADS, D)  # token-major
NEAR = 300  # tokens at the end that hold something
WINDOW = 40
CHECKED = 27  # of the last ones: what they see, and who sees them, is in the last two blocks
SCALE = 0.25


def sparse(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Zeros of any size, of which memory holds the pages that are written."""
    size = math.prod(shape) * dtype.itemsize
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
    return torch.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=dtype).view(shape)


@pytest.fixture
def launch(monkeypatch):
    """Run two programs of a kernel, from a number on, on its arguments where they are."""
    builder = interpreter.interpreter_builder
    executor = interpreter.GridExecutor
    monkeypatch.setattr(executor, "_init_args_hst", lambda _, args, kwargs: (args, kwargs))
    monkeypatch.setattr(executor, "_restore_args_dev", lambda *_: None)

    def run(kernel, first, count, *arguments, **options):
        at = lambda x, y, z: setattr(builder, "grid_idx", (first + x, y, z))  # noqa: E731
        monkeypatch.setattr(builder, "set_grid_idx", at)
        kernel[(count,)](*arguments, **options)

    return run


def last_program(rows: int, block: int) -> int:
    """The first program of the last row, where one row is finished before the next begins."""
    return (rows - 1) * -(-LENGTH // block)


def test_attention_and_its_gradients_at_the_end_of_a_million_tokens(launch):
    generator = torch.Generator().manual_seed(0)
    head = (1, slice(LENGTH - NEAR, LENGTH), HEADS - 1)  # of the last row of the batch, the last
    tensors = [sparse(SHAPE, torch.float16) for _ in range(8)]
    for tensor in tensors[:4]:
        tensor[head] = torch.randn(NEAR, D, generator=generator).half()
    near = [tensor[head].double()[None, None] for tensor in tensors[:4]]
    q, k, v, d_out, out, dq, dk, dv = (tensor.transpose(1, 2) for tensor in tensors)
    starts = sparse((2, LENGTH), torch.int32)
    starts[1, LENGTH - 10 :] = LENGTH - 10
    ends = sparse((2, LENGTH), torch.int32)
    ends[1, -NEAR:] = LENGTH - 11
    ends[1, LENGTH - 10 :] = LENGTH - 1
    rows = 2 * HEADS
    assert rows * LENGTH > 2**31  # offsets of the log-sum-exp too
    lse, statistics = (
        sparse((rows * LENGTH,), torch.float32),
        sparse((rows, LENGTH, 2), torch.float32),
    )
    numbers = (LENGTH, WINDOW, 1)
    in_base_2 = SCALE * math.log2(math.e)

    options = tiles.forward_options(D, torch.float16, WINDOW, True, None, tiles.HOPPER)
    strides = strides_of(q, k, v, out)
    first = last_program(rows, options["BLOCK_M"])  # the last block comes first
    sizes = (rows, HEADS, 1)
    arguments = (q, k, v, starts, out, lse, *strides, *sizes, *numbers, in_base_2)
    launch(attention_forward, first, 2, *arguments, **options)

    blocks = -(-LENGTH // ROWS_PER_PROGRAM)
    arguments = (out, d_out, lse, statistics, *strides_of(out, d_out), HEADS, LENGTH)
    constants = {"D": D, "BLOCK_M": ROWS_PER_PROGRAM}
    launch(row_statistics, rows * blocks - 2, 2, *arguments, **constants)

    options = tiles.query_gradient_options(D, torch.float16, WINDOW, True, tiles.HOPPER)
    inputs, strides = (q, k, v, d_out, statistics), strides_of(q, k, v, d_out, dq)
    arguments = (*inputs, starts, dq, *strides, *sizes, *numbers, in_base_2, SCALE)
    launch(query_gradients, last_program(rows, options["BLOCK_M"]), 2, *arguments, **options)

    dq_sum = sparse((rows, LENGTH, D), torch.float32)
    options = tiles.key_gradient_options(D, 1, torch.float16, WINDOW, True, True, tiles.HOPPER)
    blocks = -(-LENGTH // options["BLOCK_N"])
    strides = strides_of(q, k, v, d_out, dk, dv)
    arguments = (*inputs, ends, dk, dv, dq_sum, *strides, rows, HEADS, *numbers, in_base_2, SCALE)
    launch(key_value_gradients, rows * blocks - 2, 2, *arguments, **options)

    leaves = [x.requires_grad_() for x in near[:3]]
    near_starts = (starts[1:, -NEAR:] - (LENGTH - NEAR)).clamp(min=0)
    expected, level = reference.attention(
        *leaves, window=WINDOW, document_start_BT=near_starts, scale=SCALE
    )
    gradients = torch.autograd.grad(expected, leaves, near[3])
    end = slice(-CHECKED, None)
    dq_sum[rows - 1, end] *= SCALE
    fused = dq_sum.view(2, HEADS, LENGTH, D)
    found = (out, lse.view(2, HEADS, LENGTH), dq, dk, dv, fused)
    for one, other in zip(found, (expected, level, *gradients, gradients[0]), strict=True):
        wanted = other[0, 0, end]
        assert wanted.abs().max() > 0.1
        torch.testing.assert_close(one[1, HEADS - 1, end].double(), wanted, rtol=0, atol=5e-3)


@pytest.mark.parametrize("group", [1, 3])
def test_a_step_at_the_end_of_a_cache_of_a_million_slots(launch, group):
    environments, visible = 201, 90
    keys, values = (sparse((environments, 1, LENGTH, D), torch.float16) for _ in range(2))
    generator = torch.Generator().manual_seed(1)
    slots = torch.arange(visible, 0, -1).neg().add(51).remainder(LENGTH)  # over the ring's end
    for held in (keys, values):
        held[-1, 0, slots] = torch.randn(visible, D, generator=generator).half()
    q = torch.randn(environments, group, D, generator=generator).half()
    k_new, v_new = (torch.randn(environments, 1, D, generator=generator).half() for _ in range(2))
    keys[-1, 0, 50], values[-1, 0, 50] = k_new[-1, 0], v_new[-1, 0]
    step = torch.full((environments,), 5 * LENGTH + 50)
    start, out = step - visible + 1, torch.full_like(q, torch.nan)
    cache = (*keys.stride()[:3], LENGTH, 1, 1, SCALE * math.log2(math.e))
    strides = (*q.stride()[:2], *k_new.stride()[:2], *v_new.stride()[:2])
    launch(
        decode_single if group == 1 else decode_group,
        environments - 1,
        1,
        *(q, k_new, v_new, keys, values, step, start, out, out),
        *(*strides, *cache),
        **tiles.decode_options(D, group, torch.float16, False),
    )
    assert keys.stride(0) * (environments - 1) > 2**31
    logits = q[-1].double() @ keys[-1, 0, slots].double().T * SCALE
    expected = logits.softmax(-1) @ values[-1, 0, slots].double()
    torch.testing.assert_close(out[-1].double(), expected, rtol=0, atol=5e-3)
