"""The three-token model as one would train it on a card: autocast, compiled, torch's flash kernel.

Its weights stay float32 and are cast where they are used, which is torch's own recipe.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.engine import next_action_accuracy, next_action_loss
from benchmarks.rivals.three_token import ThreeTokenTransformer


class CompiledThreeTokenGradient:
    """Gradients of a `ThreeTokenTransformer` where it is; compiled and on the flash kernel on CUDA.

    Called as `adfast.training.gradients.undivided_gradient.UndividedGradient` is.
    """

    def __init__(self, model: ThreeTokenTransformer) -> None:
        self.model = model
        self.device_type = model.head.device.type
        self.loss = self._loss
        if self.device_type == "cuda":
            self.loss = torch.compile(self._loss, fullgraph=True, dynamic=False)

    def __call__(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy; replaces all gradients."""
        self.model.zero_grad(set_to_none=True)
        is_cuda = self.device_type == "cuda"
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION) if is_cuda else nullcontext():
            loss, accuracy = self.loss(batch)
            loss.backward()
        return loss.detach(), accuracy

    def _loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device_type, torch.bfloat16):
            logits = self.model(batch)
        action = batch["action"]
        return next_action_loss(logits, action), next_action_accuracy(logits, action)
