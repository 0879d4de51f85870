"""DivergenceWatch: the first update whose loss or gradient is no finite number.

The processor is asked at once, so that a model is left as it was before that update. A device is
not waited for: it keeps the number of the update itself, and is asked when something waits for it
anyway, which is before every metrics row and every checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from adfast.errors import NotFinite

NEVER = 2**62


class DivergenceWatch:
    """Watches a training on `device`."""

    def __init__(self, device: torch.device) -> None:
        self.is_free = device.type == "cpu"  # to be asked
        self._first = torch.full((), NEVER, dtype=torch.int64, device=device)

    def note(self, update: int, loss: Tensor, gradient_norm: Tensor) -> None:
        """Take in what update `update` came to; nothing waits for the device."""
        is_finite = loss.isfinite() & gradient_norm.isfinite()
        self._first.clamp_(max=torch.where(is_finite, NEVER, update + 1))

    def first(self) -> int | None:
        """The first update, counted from 1, that was not finite; None if there is none."""
        first = int(self._first)
        return None if first == NEVER else first


def diverged(update: int, newest: Path | None) -> NotFinite:
    """The error for `update`, counted from 1; `newest` is the last good checkpoint."""
    kept = f"the last good checkpoint is {newest}" if newest else "there is no checkpoint yet"
    return NotFinite(
        f"training stopped at update {update}: the loss or its gradient is not a finite number; "
        f"{kept}; look for rewards or observations that are not finite or huge, or train anew with "
        "a lower training.learning_rate or training.muon_learning_rate"
    )


def are_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all numbers of all `tensors` are finite; waits for a device once."""
    sums = [tensor.isfinite().all() for tensor in tensors]
    return bool(torch.stack(sums).all())
