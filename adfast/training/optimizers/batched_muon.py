"""BatchedMuon: Muon with the matrices of all layers that share a shape in one batched product.

`torch.optim.Muon` takes one small matrix after the other, some thirty launches each, which is most
of the time of an update where launches are. This one is the same function, its test says (on a
processor the same bits, beyond sides of 16), with the same state under the same names, so
checkpoints fit either. Torch's orthogonalises in bfloat16, which a processor without such products
does ten times slower than float32: here it is a choice. Of matrices that are split over processes,
whole ones are gathered to be orthogonalised, and each process moves its rows.

Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from adfast.training.parallel.fully_sharded import (
    gather_stacked,
    is_split,
    own_share,
    rows_of_share,
)

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration
STEPS = 5
SMALLEST_NORM = 1e-7


class BatchedMuon(torch.optim.Optimizer):
    """Nesterov momentum whose steps are orthogonalised in `precision`; all parameters are matrices.

    In float32 it is the parameters' own precision.

    Every parameter must have a gradient at every step.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)
        self.precision = precision
        self._same_shape: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in self.param_groups[0]["params"]:
            self._same_shape[parameter.shape].append(parameter)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move all parameters by one step; waits for nothing. `closure` is not used."""
        group = self.param_groups[0]
        rate, momentum, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
        for (rows, columns), parameters in self._same_shape.items():
            gradients = [own_share(p.grad) for p in parameters if p.grad is not None]
            buffers = [own_share(self._momentum_buffer(parameter)) for parameter in parameters]
            torch._foreach_lerp_(buffers, gradients, 1 - momentum)
            pushed = torch.stack(torch._foreach_lerp(gradients, buffers, momentum))
            one = parameters[0]
            whole = gather_stacked(pushed, one) if is_split(one) else pushed
            steps = orthogonalise(whole, self._precision_of(whole)).to(pushed.dtype)
            if is_split(one):
                steps = rows_of_share(steps, one, dim=1)
            parameters = [own_share(parameter) for parameter in parameters]
            if weight_decay:
                torch._foreach_mul_(parameters, 1 - rate * weight_decay)
            scale = max(1.0, rows / columns) ** 0.5
            if isinstance(rate, Tensor):  # on a device, where the step may be part of a graph
                torch._foreach_add_(parameters, list((steps * (rate * -scale)).unbind()))
            else:
                torch._foreach_add_(parameters, list(steps.unbind()), alpha=-rate * scale)

    def _precision_of(self, matrices: Tensor) -> torch.dtype:
        """`precision`, or that of the matrices themselves where it is not to round them."""
        is_rounded = self.precision == torch.bfloat16
        return self.precision if is_rounded else torch.promote_types(self.precision, matrices.dtype)

    def _momentum_buffer(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer: Tensor = state["momentum_buffer"]
        return buffer


def orthogonalise(matrices: Tensor, precision: torch.dtype) -> Tensor:
    """`[K, rows, columns]` in `precision`: each matrix with its singular values moved close to one.

    The Newton-Schulz iteration of Muon, on the shorter side.
    """
    linear, cubic, quintic = COEFFICIENTS
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.to(precision)
    x = x.mT if is_tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=SMALLEST_NORM)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(
            x, torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic), x, beta=linear
        )
    return x.mT if is_tall else x
