"""Recall: sequences in which every key is shown once with a symbol, and asked for once, much later.

A measurement of how far back a model can look, and no task family: cue and query lie anywhere, so
their distance is as likely to be a tenth of the sequence as nine tenths. Everything between is
filler whose action can be read off. A key is asked for once only, because the answer, which is an
action of the history, would else be shown again.

Axes: B sequences, T transitions, K keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.engine import (
    OptimizerGroup,
    TrainingConfig,
    Transformer,
    TransitionSchema,
    UndividedGradient,
    discrete_schema,
)

EPISODE_LENGTH = 64  # of no meaning here, but the embedding has a row for each step
NO_KEY = 0  # key of a filler; keys are 1 .. K
ASKED = 0  # symbol of a query; symbols are 1 .. number of actions, and action a writes symbol a + 1


@dataclass(frozen=True)
class RecallTask:
    """Batches of update u, for a training: each a function of (seed, u)."""

    length: int
    batch_size: int
    seed: int
    num_keys: int = 32
    num_symbols: int = 8

    @property
    def schema(self) -> TransitionSchema:
        """Observations are (key, symbol)."""
        sizes = (self.num_keys + 1, self.num_symbols + 1)
        return discrete_schema(sizes, self.num_symbols, EPISODE_LENGTH)

    def __call__(self, update: int) -> dict[str, Tensor]:
        """Name -> `[B, T, ...]` in the schema's dtypes."""
        out = self.schema.allocate(self.batch_size, self.length)
        self.fill(update, out)
        return {
            name: torch.from_numpy(values) for name, values in out.items() if name != "boundary"
        }

    def fill(self, update: int, out: Mapping[str, np.ndarray]) -> None:
        """Write the batch of `update` into `out`."""
        generator = np.random.default_rng((self.seed, update))
        shape = (self.batch_size, self.length)
        action = generator.integers(0, self.num_symbols, shape, dtype=np.uint8)
        key = np.full(shape, NO_KEY, np.uint8)
        symbol = action + np.uint8(1)
        keys = np.arange(1, self.num_keys + 1)
        for row in range(self.batch_size):
            places = generator.choice(self.length, (self.num_keys, 2), replace=False)
            cue, query = np.sort(places, axis=1).T
            key[row, cue] = key[row, query] = keys
            action[row, query] = action[row, cue]
            symbol[row, query] = ASKED
        out["observation"][..., 0], out["observation"][..., 1] = key, symbol
        out["action"][:] = action
        out["episode_step"][:] = np.arange(self.length) % EPISODE_LENGTH
        for name in ("reward", "next_observation"):
            out[name][:] = 0


def is_query(batch: Mapping[str, Tensor]) -> Tensor:
    """bool `[B, T]`: where a key is asked for."""
    return batch["observation"][..., 1] == ASKED


def count_recalled(
    logits: Tensor, batch: Mapping[str, Tensor], num_parts: int
) -> tuple[Tensor, Tensor]:
    """float64 `[num_parts]` each: queries answered right, and all, by part of the length."""
    _, place = is_query(batch).nonzero(as_tuple=True)
    right = (logits.argmax(-1) == batch["action"])[is_query(batch)].double()
    part = place * num_parts // batch["action"].shape[1]
    none = torch.zeros(num_parts, dtype=torch.float64, device=right.device)
    return none.index_add(0, part, right), none.index_add(0, part, torch.ones_like(right))


@dataclass(frozen=True)
class Stage:
    """So many updates at a length, in batches of `tokens_per_update` transitions (or one row)."""

    length: int
    updates: int
    tokens_per_update: int

    @property
    def batch_size(self) -> int:
        """Rows of a batch."""
        return max(self.tokens_per_update // self.length, 1)


def train_on_recall(
    model: Transformer, curriculum: Sequence[Stage], precision: torch.dtype, seed: int = 0
) -> None:
    """Train `model`, made for the schema of `RecallTask`, where it is, on ever longer sequences.

    What is found in short sequences, where the cue is not yet one of a hundred thousand, holds in
    long ones once it is sharp enough; there is no position encoding in the way.
    """
    model.train()
    updates = sum(stage.updates for stage in curriculum)
    settings = TrainingConfig(updates=updates, warmup_updates=min(10, updates))
    optimizer = OptimizerGroup(model, settings)
    gradient = UndividedGradient(model, precision)
    update = 0
    for stage in curriculum:
        task = RecallTask(stage.length, stage.batch_size, seed)
        for _ in range(stage.updates):
            batch = {name: values.to(model.head.device) for name, values in task(update).items()}
            gradient(batch)
            optimizer.step(update)
            update += 1


@torch.no_grad()
def measure_recall(
    model: Transformer, length: int, sequences: int, num_parts: int, seed: int = 1
) -> Tensor:
    """float64 `[num_parts]`: the share recalled in each part of fresh sequences, one at a time."""
    counts = torch.zeros(2, num_parts, dtype=torch.float64)
    task = RecallTask(length, 1, seed)
    for number in range(sequences):
        batch = {name: values.to(model.head.device) for name, values in task(number).items()}
        counts += torch.stack(count_recalled(model(batch), batch, num_parts)).cpu()
    return counts[0] / counts[1]
