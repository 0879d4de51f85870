"""The shapes at which attention on a GPU is timed, and how fast an H200 could be at best."""

from __future__ import annotations

from dataclasses import dataclass

# Of an H200, in picoseconds per live score; docs/attention-kernel.md derives them.
FORWARD_FLOOR = {16: 0.270, 32: 0.270, 64: 0.324, 128: 0.648}
BACKWARD_FLOOR = {16: 0.270, 32: 0.405, 64: 0.810, 128: 1.62}


@dataclass(frozen=True)
class Workload:
    """One shape in bfloat16; the forward pass alone or with the backward pass."""

    head_dim: int
    window: int | None
    batch: int
    backward: bool = True
    length: int = 16384
    heads: int = 8
    bar: float | None = None  # ratio to the best rival

    @property
    def name(self) -> str:
        """As it appears in the table."""
        kind = "full causal" if self.window is None else f"window {self.window}"
        passes = "forward+backward" if self.backward else "forward"
        return f"head dim {self.head_dim}, {kind}, T {self.length}, {passes}"

    @property
    def live_scores(self) -> int:
        """Pairs of a query and a key that it sees, over all heads."""
        reach = min(self.window or self.length, self.length)
        per_head = reach * (reach + 1) // 2 + (self.length - reach) * reach
        return self.batch * self.heads * per_head

    @property
    def floor(self) -> float:
        """Picoseconds per live score."""
        backward = BACKWARD_FLOOR[self.head_dim] if self.backward else 0.0
        return FORWARD_FLOOR[self.head_dim] + backward

    def shrunk(self, length: int) -> Workload:
        """The same at another length, one sequence."""
        return Workload(self.head_dim, self.window, 1, self.backward, length, 2, self.bar)


WORKLOADS = [
    Workload(16, 256, 64, bar=1.3),
    Workload(32, 256, 64, bar=1.3),
    Workload(16, None, 2, bar=1.2),
    Workload(32, None, 2, bar=1.2),
    Workload(64, None, 2, bar=0.85),
    Workload(16, None, 2, backward=False),
    Workload(16, 1024, 16),
    Workload(64, 256, 32),
]
