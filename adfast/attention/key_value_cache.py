"""KeyValueCache: the keys and values that one layer still sees, per environment.

With a window it is a ring: the token of step t lives in slot t mod window, and nothing is ever
moved. Without a window it grows: slot t is step t, and the capacity doubles when it is full.
"""

from __future__ import annotations

import torch

from adfast.errors import InvalidArgument

INITIAL_CAPACITY = 64  # slots of a growing cache before its first doubling


class KeyValueCache:
    """Keys and values `[N, H_kv, slots, D]` of N environments.

    `decode` writes into it; slots that no environment has written hold zeros and are never visible.
    """

    def __init__(
        self,
        num_environments: int,
        num_kv_heads: int,
        head_dim: int,
        window: int | None,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if window is not None and window < 1:
            raise InvalidArgument(f"cache window must be at least 1, got {window}; None to grow")
        slots = INITIAL_CAPACITY if window is None else window
        shape = (num_environments, num_kv_heads, slots, head_dim)
        self.window = window
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)

    @property
    def num_slots(self) -> int:
        """Slots held now: the window, or the present capacity of a growing cache."""
        return self.keys.shape[2]

    def reserve(self, num_steps: int) -> None:
        """Make room for steps 0 .. num_steps - 1; a ring always has room."""
        if self.window is not None or num_steps <= self.num_slots:
            return
        capacity = max(num_steps, 2 * self.num_slots)
        for name in ("keys", "values"):
            old = getattr(self, name)
            grown = old.new_zeros((*old.shape[:2], capacity, old.shape[3]))
            grown[:, :, : old.shape[2]] = old
            setattr(self, name, grown)
