"""What is measured of a card beside speed: the memory of long contexts, and how far back a model
trained on it recalls. `gpu_training.py` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from benchmarks import device as devices
from benchmarks.card_training import card_model, precision_on
from benchmarks.engine import Transformer, UndividedGradient
from benchmarks.recall_task import RecallTask, Stage, measure_recall, train_on_recall

KIBIBYTE = 1024
LENGTHS, SMALL_LENGTHS = (1 << 14, 1 << 16, 1 << 18, 1 << 20), (64, 128)
RECALL = (
    Stage(128, 150, 8192),
    *(Stage(1 << exponent, 20, 1 << 15) for exponent in (9, 11, 13, 15, 17)),
    Stage(1 << 18, 20, 1),
)
SMALL_RECALL = (Stage(128, 2, 256), Stage(256, 2, 256))


@dataclass(frozen=True)
class Figure:
    """One number that is no time; its bar is that it be at least or at most so much."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        """`<= 32: met`, or nothing without a bar."""
        if self.at_least is None and self.at_most is None:
            return ""
        threshold = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
        return f"{threshold}: {'met' if self.is_met else 'missed'}"

    @property
    def is_met(self) -> bool:
        """Whether it reaches its bar; true without one."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )


def figures_of(device: str, *, small: bool) -> Iterator[Figure]:
    """All of them, as they are found; memory on a card alone."""
    with devices.memory_given_back(device):
        if device != "cpu":
            yield from memory(device, SMALL_LENGTHS if small else LENGTHS)
    with devices.memory_given_back(device):
        yield recall(device, SMALL_RECALL if small else RECALL, sequences=2 if small else 20)


def memory(device: str, lengths: tuple[int, ...]) -> Iterator[Figure]:
    """KiB per transition of forward and backward, by the length of one sequence, window 256."""
    per_transition = [peak_bytes(device, length) / length for length in lengths]
    for length, taken in zip(lengths, per_transition, strict=True):
        name = f"memory at {length:,} transitions"
        yield Figure(name, taken / KIBIBYTE, "KiB/transition", at_most=32)
    spread = max(per_transition) / min(per_transition) - 1
    yield Figure("memory, deviation from linear", spread, "share", at_most=0.05)


def peak_bytes(device: str, length: int) -> int:
    """Memory that a gradient takes at its peak, beyond weights and batch."""
    task = RecallTask(length, 1, seed=0)
    model = Transformer(card_model(256), task.schema, seed=0).to(device).train()
    batch = {name: values.to(device) for name, values in task(0).items()}
    gradient = UndividedGradient(model, precision_on(device))
    gradient(batch)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    gradient(batch)
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated(device) - before


def recall(device: str, stages: tuple[Stage, ...], sequences: int) -> Figure:
    """The least share recalled in any eighth of the longest sequences, without a window."""
    model = Transformer(card_model(None), RecallTask(128, 1, 0).schema, seed=0).to(device)
    train_on_recall(model, stages, precision_on(device))
    longest = stages[-1].length
    parts = measure_recall(model.eval(), longest, sequences, num_parts=8)
    updates = sum(stage.updates for stage in stages)
    name = f"recall over {longest:,} after {updates} updates, worst eighth"
    worst = float(parts.nan_to_num(1.0).min())  # an early part may hold no query
    return Figure(name, worst, "share", at_least=0.95)
