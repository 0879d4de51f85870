"""Recurrent layers over whole sequences, whose gradient is fast on a CPU.

torch makes some ten small operations of each time step, and more of its gradient. Here what does
not depend on the step before is one product for all steps, and the rest one kernel of ours
(`csrc/layers_recurrent.hpp`), forward and back.

Axes: B sequences, T time, C channels of the inputs, W width of a layer, G gates; R rows of a table,
F of which are summed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.machine import processor
from adfast.models.layers.native_layers import computes_natively, memory
from adfast.models.layers.summed_rows import sum_rows


def remembered(body: nn.GRU | nn.LSTM, x: Tensor, rows: Tensor | None = None) -> Tensor:
    """`body(x)[0]`: what a GRU or an LSTM makes of `x` `[B, T, C]` from nothing on, `[B, T, W]`.

    With `rows` `[B, T, F]` its inputs are sums of rows of the table `x` `[R, C]`. The table is then
    projected in their place: it is shorter.
    """
    if not computes_natively(x, *body.parameters()):
        out: Tensor = body(x if rows is None else sum_rows(x, rows))[0]
        return out
    layer = LSTMLayer if isinstance(body, nn.LSTM) else GRULayer
    steps = x.transpose(0, 1) if rows is None else x  # kernels have a step's sequences side by side
    for input_weight, weight, input_bias, bias in body.all_weights:
        if rows is None:
            projected = F.linear(steps, input_weight, input_bias)
        else:
            table = F.linear(steps, input_weight, input_bias / rows.shape[-1])
            projected, rows = sum_rows(table, rows.transpose(0, 1)), None
        steps = layer.apply(projected.contiguous(), weight, bias, processor.instruction_set())
    return steps.transpose(0, 1)


class GRULayer(torch.autograd.Function):
    """A layer of `nn.GRU` of contiguous `[T, B, 3 W]`: its inputs' products, their biases added."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, weight: Tensor, bias: Tensor, instruction_set: str
    ) -> Tensor:
        """What it remembers after each step `[T, B, W]`."""
        gates = torch.empty_like(projected)
        out, recalled = new_memories(projected, weight)
        kept = map(memory, (weight.contiguous(), bias, gates, recalled, out))
        _native.gru(instruction_set, memory(projected), None, *kept)
        ctx.save_for_backward(weight, gates, recalled, out)
        ctx.instruction_set = instruction_set
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of `projected` and of the weights."""
        weight, gates, recalled, out = ctx.saved_tensors
        d_projected, d_recalled = torch.empty_like(gates), torch.empty_like(recalled)
        read = (d_out.contiguous(), gates, recalled, out, weight.contiguous())
        _native.gru_backward(ctx.instruction_set, *map(memory, (*read, d_projected, d_recalled)))
        # The last gate is given something else of the memory, which the reset gate weakens.
        two = 2 * weight.shape[1]
        given = (d_projected[..., :two].flatten(0, 1), d_recalled.flatten(0, 1))
        d_weight = torch.cat([memory_gradient(d_part, out) for d_part in given])
        return d_projected, d_weight, torch.cat([d_part.sum(0) for d_part in given]), None


class LSTMLayer(torch.autograd.Function):
    """A layer of `nn.LSTM` of contiguous `[T, B, 4 W]`, as `GRULayer`."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, weight: Tensor, bias: Tensor, instruction_set: str
    ) -> Tensor:
        """What it gives out after each step `[T, B, W]`."""
        gates = torch.empty_like(projected)
        out, cells = new_memories(projected, weight)
        kept = map(memory, (weight.contiguous(), bias, gates, cells, out))
        _native.lstm(instruction_set, memory(projected), None, None, *kept)
        ctx.save_for_backward(weight, gates, cells, out)
        ctx.instruction_set = instruction_set
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of `projected` and of the weights."""
        weight, gates, cells, out = ctx.saved_tensors
        d_projected = torch.empty_like(gates)
        read = (d_out.contiguous(), gates, cells, weight.contiguous())
        _native.lstm_backward(ctx.instruction_set, *map(memory, (*read, d_projected)))
        d_given = d_projected.flatten(0, 1)
        return d_projected, memory_gradient(d_given, out), d_given.sum(0), None


def new_memories(projected: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Room for what is given out, and for as much that its gradient needs, `[T, B, W]` each."""
    out, other = projected.new_empty(2, *projected.shape[:2], weight.shape[1]).unbind()
    return out, other


def memory_gradient(d_given: Tensor, out: Tensor) -> Tensor:
    """The gradient of a weight `[G W, W]` that gave `[T B, G W]` of the step before's `out`."""
    batch = out.shape[1]
    return torch.mm(d_given[batch:].T, out[:-1].flatten(0, 1))


class RecurrentSteps:
    """A GRU or an LSTM step by step, from nothing on, in N sequences, by the weights it has now.

    Its inputs are `[N, C]`, or with a `table` `[R, C]` numbers of F rows `[N, F]`, as `remembered`.
    """

    def __init__(
        self, body: nn.GRU | nn.LSTM, num: int, table: Tensor | None = None, num_parts: int = 1
    ) -> None:
        self._body, self._table = body, None
        self._instruction_set = processor.instruction_set()
        self._hidden = torch.zeros(body.num_layers, num, body.hidden_size)
        self._projected = torch.empty(num, len(body.all_weights[0][1]))
        self._steps = self._native_steps()
        if table is not None:
            input_weight, _, input_bias, _ = body.all_weights[0]
            self._table = memory(F.linear(table, input_weight, input_bias / num_parts))

    def _native_steps(self) -> list[Callable[[], None]]:
        """What moves the memories of each layer on, in their place."""
        is_lstm = isinstance(self._body, nn.LSTM)
        step = _native.lstm if is_lstm else _native.gru
        projected = memory(self._projected)[None]
        gates = np.empty_like(projected)
        steps: list[Callable[[], None]] = []
        for hidden, (_, weight, _, bias) in zip(self._hidden, self._body.all_weights, strict=True):
            out = memory(hidden)
            other = np.zeros_like(out)  # an LSTM's cells, or what a GRU's reset gates weakened
            begin = (out, other) if is_lstm else (out,)
            arrays = (*begin, memory(weight), memory(bias), gates, other[None], out[None])
            steps.append(partial(step, self._instruction_set, projected, *arrays))
        return steps

    def __call__(self, x: Tensor) -> Tensor:
        """What is remembered after the next step `[N, W]`, valid until the one after it."""
        for layer, (input_weight, _, input_bias, _) in enumerate(self._body.all_weights):
            if layer == 0 and self._table is not None:
                into = memory(self._projected)
                _native.sum_rows(self._instruction_set, self._table, memory(x), into)
            else:
                torch.addmm(input_bias, x, input_weight.T, out=self._projected)
            self._steps[layer]()
            x = self._hidden[layer]
        return x
