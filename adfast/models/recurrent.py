"""Recurrent layers over whole sequences, whose gradient is fast on a CPU.

torch makes some ten small operations of each time step, and more of its gradient. Here what does
not depend on the step before is one product for all steps, and the rest one kernel of ours
(`csrc/layers_recurrent.hpp`), forward and back.

Axes: B sequences, T time, C channels of the inputs, W width of a layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.machine import processor
from adfast.models.native_layers import computes_natively, memory


def remembered(body: nn.GRU | nn.LSTM, x: Tensor) -> Tensor:
    """`body(x)[0]`: what a GRU or an LSTM `[B, T, C]` gives out `[B, T, W]`, from nothing on."""
    if not computes_natively(x, *body.parameters()):
        out: Tensor = body(x)[0]
        return out
    layer = LSTMLayer if isinstance(body, nn.LSTM) else GRULayer
    rows = x.transpose(0, 1)  # the kernels take a step's rows side by side
    for weights in body.all_weights:
        rows = layer.apply(rows, *weights, processor.instruction_set())
    return rows.transpose(0, 1)


class GRULayer(torch.autograd.Function):
    """A layer of `nn.GRU`, whose four weights it takes, of inputs `[T, B, C]`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_weight: Tensor,
        weight: Tensor,
        input_bias: Tensor,
        bias: Tensor,
        instruction_set: str,
    ) -> Tensor:
        """What it remembers after each step `[T, B, W]`."""
        x = x.contiguous()
        gates = projected(x, input_weight, input_bias)
        out, recalled = x.new_empty(2, *x.shape[:2], weight.shape[1]).unbind()
        _native.gru(
            instruction_set, *map(memory, (gates, weight.contiguous(), bias, recalled, out))
        )
        ctx.save_for_backward(x, input_weight, weight, gates, recalled, out)
        ctx.instruction_set = instruction_set
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the inputs and of the weights."""
        x, input_weight, weight, gates, recalled, out = ctx.saved_tensors
        d_projected, d_recalled = torch.empty_like(gates), torch.empty_like(recalled)
        read = (d_out.contiguous(), gates, recalled, out, weight.contiguous())
        _native.gru_backward(ctx.instruction_set, *map(memory, (*read, d_projected, d_recalled)))
        d_x, d_input_weight, d_input_bias = projection_gradient(d_projected, x, input_weight)
        # Before the reset gate the third gate was given something of its own.
        d_given, d_third = d_projected.flatten(0, 1), d_recalled.flatten(0, 1)
        d_weight = torch.empty_like(weight)
        two = 2 * weight.shape[1]
        before, batch = out[:-1].flatten(0, 1), out.shape[1]
        torch.mm(d_given[batch:, :two].T, before, out=d_weight[:two])
        torch.mm(d_third[batch:].T, before, out=d_weight[two:])
        d_bias = torch.cat((d_input_bias[:two], d_third.sum(0)))
        return d_x, d_input_weight, d_weight, d_input_bias, d_bias, None


class LSTMLayer(torch.autograd.Function):
    """A layer of `nn.LSTM`, whose four weights it takes, of inputs `[T, B, C]`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_weight: Tensor,
        weight: Tensor,
        input_bias: Tensor,
        bias: Tensor,
        instruction_set: str,
    ) -> Tensor:
        """What it gives out after each step `[T, B, W]`."""
        x = x.contiguous()
        gates = projected(x, input_weight, input_bias)
        out, cells = x.new_empty(2, *x.shape[:2], weight.shape[1]).unbind()
        _native.lstm(instruction_set, *map(memory, (gates, weight.contiguous(), bias, cells, out)))
        ctx.save_for_backward(x, input_weight, weight, gates, cells, out)
        ctx.instruction_set = instruction_set
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the inputs and of the weights."""
        x, input_weight, weight, gates, cells, out = ctx.saved_tensors
        d_projected = torch.empty_like(gates)
        read = (d_out.contiguous(), gates, cells, weight.contiguous())
        _native.lstm_backward(ctx.instruction_set, *map(memory, (*read, d_projected)))
        d_x, d_input_weight, d_bias = projection_gradient(d_projected, x, input_weight)
        d_weight = torch.mm(d_projected[1:].flatten(0, 1).T, out[:-1].flatten(0, 1))
        return d_x, d_input_weight, d_weight, d_bias, d_bias, None


def projected(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`[T, B, gates * W]`: what the gates are given of the inputs."""
    return torch.addmm(bias, x.flatten(0, 1), weight.T).view(*x.shape[:2], len(weight))


def projection_gradient(d_projected: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    """The gradients of inputs, weight and bias of `projected`."""
    d_rows = d_projected.flatten(0, 1)
    d_x = torch.mm(d_rows, weight).view(x.shape)
    return d_x, torch.mm(d_rows.T, x.flatten(0, 1)), d_rows.sum(0)
