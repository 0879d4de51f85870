"""What one process of a group finds of a model on its share: for `test_context_share.py`."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from model_cases import SCHEMA, random_histories, small_model, with_returns

from adfast.attention import ContextShare
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema

PICTURES = TransitionSchema(RealObservation("uint8", (16, 16, 1)), 3, 6)


def worst_errors(group: dist.ProcessGroup, cases: list[dict[str, Any]]) -> list[float]:
    """Of each case the largest error of logits and gradients beside one process, relative."""
    return [worst_error(group, **case) for case in cases]


def worst_error(
    group: dist.ProcessGroup,
    length: int,
    documents: bool = False,
    pictures: bool = False,
    recomputes: bool = False,
    **settings: Any,
) -> float:
    """The same of one case, in float64."""
    schema = PICTURES if pictures else SCHEMA
    share = ContextShare.of(group, length)
    batch = with_returns(random_histories(2, length, schema))
    if documents:  # one that begins in the middle of the first share, and one at the first cut
        begins = torch.zeros(2, length, dtype=torch.int32)
        begins[0, share.cuts[1] // 2 :] = share.cuts[1] // 2
        begins[1, share.cuts[1] :] = share.cuts[1]
        batch["document_start"] = begins
    model = small_model(schema, **settings).double()
    model.recomputes_blocks = recomputes
    parameters = list(model.parameters())
    expected = model(batch)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)).double()
    gradients = torch.autograd.grad((expected * weights).sum(), parameters, allow_unused=True)
    logits = model(batch, share=share)
    own = slice(share.first, share.last)
    (logits * weights[:, own]).sum().backward()
    found = [torch.zeros_like(x) if x.grad is None else x.grad for x in parameters]
    for gradient in found:
        dist.all_reduce(gradient, group=group)
    pairs = [(logits.detach(), expected[:, own].detach())]
    pairs += [
        (one, torch.zeros_like(one) if other is None else other)
        for one, other in zip(found, gradients, strict=True)
    ]
    return max(
        float((one - other).abs().max() / (other.abs().max() + 1e-9)) for one, other in pairs
    )
