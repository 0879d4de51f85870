"""Contests of the Triton kernels on a card, in bfloat16. They need torch, Triton and NumPy alone.

The interpreter of Triton (TRITON_INTERPRET=1) runs the same kernels on the processor.

Axes: B batch, H heads, T time, D channels per head, N environments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks import device as devices
from benchmarks.attention_checks import Case
from benchmarks.attention_rivals import Attend, rivals
from benchmarks.contest import Contest, NotEquivalent, show
from benchmarks.engine import KeyValueCache, attention_operator, reference, triton
from benchmarks.pair_timer import Contender

CHECKED_LENGTH = 1024
LARGEST_ERROR = 5e-3  # relative root mean square, against the definition in float64
LARGEST_DIFFERENCE = 2e-2  # the same, between two that both round to bfloat16
BOUND = 30.0  # of the logits of random inputs

# Of an H200, in picoseconds per live score; docs/attention-kernel.md derives them.
FORWARD_FLOOR = {16: 0.270, 32: 0.270, 64: 0.324, 128: 0.648}
BACKWARD_FLOOR = {16: 0.270, 32: 0.405, 64: 0.810, 128: 1.62}


def case_of(head_dim: int, window: int | None, length: int, batch: int, num_heads: int) -> Case:
    """The shape of a workload."""
    return Case(length, window, head_dim, (num_heads, num_heads), batch=batch)


def live_scores(case: Case) -> int:
    """Pairs of a query and a key that it sees, over all heads."""
    reach = min(case.window or case.length, case.length)
    per_head = reach * (reach + 1) // 2 + (case.length - reach) * reach
    return case.batch * case.heads[0] * per_head


def kernel(case: Case, *, logit_bound: float | None = None, deterministic: bool = False) -> Attend:
    """Our kernel for the shape."""
    reach = min(case.window or case.length, case.length)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out: Tensor = attention_operator(
            q, k, v, None, reach, case.scale, logit_bound, deterministic
        )[0]
        return out

    return attend


def passes(
    case: Case, attend: Attend, device: str, *, backward: bool, dtype: torch.dtype | None = None
) -> Callable[[], list[Tensor]]:
    """A call that gives the output over random inputs and, with `backward`, the gradients."""
    q, k, v, d_out = (x.to(dtype or case.dtype) for x in case.inputs(device))
    if not backward:
        return lambda: [attend(q, k, v)]
    inputs = tuple(x.requires_grad_() for x in (q, k, v))

    def call() -> list[Tensor]:
        out = attend(*inputs)
        return [out.detach(), *torch.autograd.grad(out, inputs, d_out)]

    return call


def relative_difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Largest norm of a difference over the norm, of the output and the gradients."""
    return max(
        float((a.double() - b.double()).norm() / b.double().norm())
        for a, b in zip(ours, theirs, strict=True)
    )


def require_definition(case: Case, device: str, **options: object) -> None:
    """Raise `NotEquivalent` unless our kernel computes the definition, at a length it can bear."""
    short = replace(case, length=min(case.length, CHECKED_LENGTH), batch=1)

    def defined(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out: Tensor = reference.attention(
            q, k, v, window=case.window, document_start_BT=None, scale=case.scale
        )[0]
        return out

    ours = passes(short, kernel(short, **options), device, backward=True)()  # type: ignore[arg-type]
    exact = passes(short, defined, device, backward=True, dtype=torch.float64)()
    error = relative_difference(ours, exact)
    if not error <= LARGEST_ERROR:
        raise NotEquivalent(f"relative error {error:.1e}, allowed are {LARGEST_ERROR:.1e}")
    show(f"output and gradients: within {LARGEST_ERROR:g} of float64")


@contextmanager
def forward_backward(
    head_dim: int,
    window: int | None,
    length: int,
    batch: int,
    num_heads: int,
    device: str,
    backward: bool = True,
) -> Iterator[Contest]:
    """Our kernel against every attention of a user's that is importable and right.

    The others are left out with the reason.
    """
    case = case_of(head_dim, window, length, batch, num_heads)
    scores = live_scores(case)
    subject = passes(case, kernel(case), device, backward=backward)
    expected = subject()
    known, left_out, preparation = [], {}, {}
    clock = devices.clock_of(device) or time.perf_counter
    for name, prepare in rivals(window, batch, length, device):
        try:
            begin = clock()
            attend = prepare()
            preparation[name] = clock() - begin
            call = passes(case, attend, device, backward=backward)
            difference = relative_difference(call(), expected)
        except Exception as reason:  # a rival may fail in any way; the record says how
            left_out[name] = f"{type(reason).__name__}: {str(reason).splitlines()[0][:120]}"
            continue
        if difference > LARGEST_DIFFERENCE:
            left_out[name] = f"does other work: relative difference {difference:.1e}"
        else:
            known.append(Contender(name, call, scores))
    del expected
    floor = FORWARD_FLOOR[head_dim] + (BACKWARD_FLOOR[head_dim] if backward else 0.0)
    with devices.memory_given_back(device):
        yield Contest(
            Contender("adfast", subject, scores),
            tuple(known),
            lambda: require_definition(case, device),
            clock=devices.clock_of(device),
            notes={
                "floor_seconds": floor * 1e-12,
                "left_out": left_out,
                "preparation_seconds": preparation,
            },
        )


@contextmanager
def variants(
    head_dim: int, window: int | None, length: int, batch: int, num_heads: int, device: str
) -> Iterator[Contest]:
    """Our kernel against itself with gradients that repeat bit for bit, and with bounded logits."""
    case = case_of(head_dim, window, length, batch, num_heads)
    scores = live_scores(case)

    def check() -> None:
        require_definition(case, device, deterministic=True)
        require_definition(case, device, logit_bound=BOUND)

    def contender(label: str, attend: Attend) -> Contender:
        return Contender(label, passes(case, attend, device, backward=True), scores)

    with devices.memory_given_back(device):
        yield Contest(
            contender("adfast", kernel(case)),
            (
                contender("deterministic", kernel(case, deterministic=True)),
                contender("bounded logits", kernel(case, logit_bound=BOUND)),
            ),
            check,
            clock=devices.clock_of(device),
        )


@contextmanager
def decode(
    num_environments: int, window: int, num_heads: int, head_dim: int, device: str
) -> Iterator[Contest]:
    """One step of a layer against its ring cache."""
    cache = KeyValueCache(
        num_environments, num_heads, head_dim, window, dtype=torch.bfloat16, device=device
    )
    shape = (3, num_environments, num_heads, head_dim)
    q, k, v = torch.randn(shape, device=device, dtype=torch.bfloat16).unbind()
    step = torch.full((num_environments,), 10 * window, device=device)
    start = torch.zeros_like(step)

    def call() -> None:
        triton.decode(q, k, v, cache, step, start, scale=head_dim**-0.5)

    with devices.memory_given_back(device):
        yield Contest(
            Contender("adfast", call, num_environments),
            (),
            lambda: show("decode: tests compare it with attention over whole sequences"),
            bytes_per_unit=2 * num_heads * window * head_dim * cache.keys.element_size(),
            clock=devices.clock_of(device),
        )
