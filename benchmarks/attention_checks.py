"""What must hold of the GPU kernels on the card at hand before they are timed.

The same checks are the tests marked `gpu`. Errors are against the definition in float64; they may
be twice those of PyTorch in the same dtype, plus 1e-5.

Axes: B batch, H heads, T time, D channels per head, N environments.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.engine import KeyValueCache, attention_operator, reference, triton

Heads = tuple[int, int]  # query heads, key heads


@dataclass(frozen=True)
class Case:
    """One shape of attention."""

    length: int
    window: int | None
    head_dim: int
    heads: Heads = (2, 2)
    documents: bool = False
    dtype: torch.dtype = torch.bfloat16
    bounded: bool = False
    deterministic: bool = False
    batch: int = 1

    def inputs(self, device: torch.device | str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """q, k, v and the gradient of the output, `[B, H, T, D]` in token-major memory."""
        generator = torch.Generator(device).manual_seed(self.length)
        q, k, v, d_out = (
            torch.randn(
                self.batch, self.length, count, self.head_dim, device=device, generator=generator
            )
            for count in (self.heads[0], self.heads[1], self.heads[1], self.heads[0])
        )
        if self.bounded:
            q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        q, k, v, d_out = (x.to(self.dtype).transpose(1, 2) for x in (q, k, v, d_out))
        return q, k, v, d_out

    def document_start(self, device: torch.device | str) -> Tensor | None:
        """int32 `[B, T]`: documents of 300 tokens on average; None without."""
        if not self.documents:
            return None
        generator = torch.Generator(device).manual_seed(0)
        shape = (self.batch, self.length)
        begins = torch.rand(shape, device=device, generator=generator) < 1 / 300
        time = torch.arange(self.length, device=device)
        return torch.where(begins, time, 0).cummax(1).values.int()

    @property
    def scale(self) -> float:
        """Of the logits; with a bound they reach 8."""
        return 8.0 if self.bounded else self.head_dim**-0.5


CASES = [
    *(
        Case(length, window, head_dim, heads, documents, dtype, bounded, deterministic)
        for length, window, head_dim, heads, documents, dtype, bounded, deterministic in [
            (1, None, 16, (2, 2), False, torch.bfloat16, False, True),
            (15, 7, 32, (4, 2), True, torch.float16, False, False),
            (64, 1, 64, (3, 1), False, torch.float32, False, True),
            (65, 64, 16, (2, 2), True, torch.float32, True, True),
            (150, None, 128, (2, 1), True, torch.float32, False, True),
            (150, 64, 128, (2, 1), True, torch.bfloat16, False, True),
            (1000, None, 16, (4, 2), True, torch.bfloat16, False, False),
            (1000, None, 64, (4, 1), True, torch.float16, True, False),
            (4096, 256, 16, (2, 2), False, torch.bfloat16, False, True),
            (4096, 256, 32, (2, 2), True, torch.bfloat16, True, True),
            (4097, 1024, 32, (2, 2), True, torch.bfloat16, False, False),
            (8192, 1024, 64, (2, 1), False, torch.bfloat16, True, False),
            (16384, None, 16, (2, 2), False, torch.bfloat16, True, False),
            (16384, None, 32, (1, 1), False, torch.bfloat16, False, True),
            (16384, None, 128, (1, 1), True, torch.bfloat16, False, False),
        ]
    )
]


def largest_errors(case: Case, device: torch.device | str) -> dict[str, tuple[float, float]]:
    """For out, lse, dq, dk and dv the largest error and how large it may be."""
    inputs, starts = case.inputs(device), case.document_start(device)
    visible = reference.visible_keys(case.length, case.window, starts, inputs[0].device)

    def ours(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return triton.attention(
            q,
            k,
            v,
            window=case.window,
            document_start_BT=starts,
            scale=case.scale,
            logit_bound=8.0 if case.bounded else None,
            deterministic=case.deterministic,
        )

    def defined(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return reference.attention(
            q, k, v, window=case.window, document_start_BT=starts, scale=case.scale
        )

    def pytorch(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        groups = q.shape[1] // k.shape[1]
        k, v = (x.repeat_interleave(groups, dim=1) for x in (k, v))
        logits = (q @ k.transpose(-2, -1) * case.scale).masked_fill(~visible, -torch.inf)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=case.scale)
        return out, logits.detach().logsumexp(-1)

    def results(attend: object, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        q, k, v = (x.detach().requires_grad_() for x in inputs[:3])
        out, lse = attend(q, k, v)  # type: ignore[operator]
        return [out.detach(), lse.detach(), *torch.autograd.grad(out, (q, k, v), inputs[3])]

    exact = results(defined, tuple(x.double() for x in inputs))
    measured, allowed = results(ours, inputs), results(pytorch, inputs)
    rounding = torch.finfo(case.dtype).eps / 2 if case.bounded else 0.0
    return {
        name: (
            float((our.double() - right).abs().max()),
            float(2 * (their.double() - right).abs().max() + rounding * right.abs().max()) + 1e-5,
        )
        for name, our, their, right in zip(
            ("out", "lse", "dq", "dk", "dv"), measured, allowed, exact, strict=True
        )
    }


def is_deterministic(device: torch.device | str, length: int = 4096) -> bool:
    """Whether two runs agree bit for bit when asked to."""
    case = Case(length, None, 16, heads=(4, 2), documents=True)
    *inputs, d_out = case.inputs(device)
    runs = []
    for _ in range(2):
        q, k, v = (x.detach().requires_grad_() for x in inputs)
        out, lse = attention_operator(
            q, k, v, case.document_start(device), length, case.scale, None, True
        )
        runs.append([out, lse, *torch.autograd.grad(out, (q, k, v), d_out)])
    return all(a.equal(b) for a, b in zip(*runs, strict=True))


def check_operator(device: torch.device | str) -> None:
    """Raise unless torch finds the operator well registered."""
    q, k, v, _ = Case(100, 20, 16, heads=(2, 1)).inputs(device)
    arguments = (*(x.requires_grad_() for x in (q, k, v)), None, 20, 0.25, None, True)
    torch.library.opcheck(attention_operator, arguments)


def decoding_error(
    device: torch.device | str, heads: Heads, window: int | None, dtype: torch.dtype
) -> float:
    """Largest difference of streamed outputs from attention over the whole sequence."""
    num_environments, length = 33, 8 * (window or 20)
    case = Case(length, window, 16, heads, dtype=dtype, batch=num_environments)
    q, k, v, _ = case.inputs(device)
    begins = torch.arange(num_environments, device=device) * (1 if window is None else 7)
    cache = KeyValueCache(
        num_environments, heads[1], case.head_dim, window, dtype=dtype, device=device
    )
    streamed = [
        triton.decode(
            q[:, :, t], k[:, :, t], v[:, :, t], cache, begins + t, begins, scale=case.scale
        )
        for t in range(length)
    ]
    whole, _ = triton.attention(
        q,
        k,
        v,
        window=window,
        document_start_BT=None,
        scale=case.scale,
        logit_bound=None,
        deterministic=True,
    )
    return float((torch.stack(streamed, 2).double() - whole.double()).abs().max())


def longest_error(device: torch.device | str, length: int = 1 << 20, tail: int = 4096) -> float:
    """A sequence of `length`: the largest difference of its last gradients from those of its tail.

    With a window the last tokens depend on the tail alone, so positions beyond 2^31 elements are
    compared with small ones.
    """
    window, case = 256, Case(length, 256, 16, heads=(4, 4), deterministic=True)

    def gradients(inputs: tuple[Tensor, ...]) -> list[Tensor]:
        q, k, v = (x.detach().requires_grad_() for x in inputs[:3])
        out, _ = attention_operator(q, k, v, None, window, case.scale, None, True)
        return [out.detach(), *torch.autograd.grad(out, (q, k, v), inputs[3])]

    inputs = case.inputs(device)
    whole = gradients(inputs)
    part = gradients(tuple(x[:, :, -tail:] for x in inputs))
    kept = tail - window  # the first queries of the tail lack keys
    return max(
        float((a[:, :, -kept:] - b[:, :, -kept:]).abs().max())
        for a, b in zip(whole, part, strict=True)
    )


def failures(device: torch.device | str, longest: int) -> list[str]:
    """What is wrong, of all that is checked; sequences of at most `longest` tokens."""
    found = []
    for case in CASES:
        if case.length <= longest:
            found += [
                f"{case}: {name} {error:.1e} > {allowed:.1e}"
                for name, (error, allowed) in largest_errors(case, device).items()
                if error > allowed
            ]
    if not is_deterministic(device, min(longest, 4096)):
        found.append("deterministic gradients differ from run to run")
    check_operator(device)
    if torch.device(device).type == "cuda":
        for heads in ((2, 2), (4, 1)):
            for window in (64, None):
                if decoding_error(device, heads, window, torch.float32) > 1e-4:
                    found.append(f"decode differs from attention: {heads}, window {window}")
        if longest_error(device) > 3e-2:
            found.append("a million tokens differ from their tail")
    return found
