"""The recomputing agent with its histories on the device, so that only the newest are copied.

Axes: N environments, W transitions of the window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.engine import Transformer
from benchmarks.rivals.recomputing_agent import RecomputingAgent


class RecomputingDeviceAgent(RecomputingAgent):
    """Acts from the last `window` transitions; the forward pass is compiled on CUDA."""

    def __init__(self, model: Transformer, num_environments: int, window: int) -> None:
        super().__init__(model, num_environments, window)
        self.on_device: dict[str, torch.Tensor] = {}
        is_cuda = model.head.device.type == "cuda"
        self.forward: Any = torch.compile(self.model, dynamic=False) if is_cuda else self.model

    @torch.no_grad()
    def logits(self) -> np.ndarray:
        """float32 `[N, A]` of the newest transition."""
        device = self.model.head.device
        if not self.on_device or self.length == self.window + 1:  # new, or just moved
            self.on_device = {
                name: torch.from_numpy(array).to(device) for name, array in self.histories.items()
            }
        newest = slice(max(0, self.length - 2), self.length)
        rows = slice(max(0, self.length - self.window), self.length)
        for name, array in self.histories.items():
            fresh = torch.from_numpy(np.ascontiguousarray(array[:, newest]))
            self.on_device[name][:, newest] = fresh.to(device)
        batch = {name: array[:, rows].contiguous() for name, array in self.on_device.items()}
        return np.asarray(self.forward(batch)[:, -1].float().cpu().numpy())
