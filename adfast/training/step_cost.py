"""What an update of a training costs: processor time a transition, and the peak of memory.

Both are of `adfast.train` itself, in a folder that is thrown away, so that they are of whatever
training does.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from adfast.models.config import ModelConfig
from adfast.models.device import resolve_device
from adfast.training.batches.batches import Windows
from adfast.training.config import TrainingConfig
from adfast.training.loop import TrainingHooks
from adfast.training.train import train

UPDATES = 7  # of a timing; the first two warm up, the last writes a checkpoint


class AllocatedBytes(TorchDispatchMode):
    """Counts the storages that operations return, for as long as anyone refers to them.

    `now` and `peak` are bytes. What a kernel takes for itself inside one operation is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.storages: set[int] = set()
        self.now = self.peak = 0

    def __torch_dispatch__(
        self,
        operation: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The result of an operation, whose storages are counted."""
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor.untyped_storage())
        return result

    def count(self, storage: torch.UntypedStorage) -> None:
        """Count a storage until it is freed, once."""
        key, size = storage._cdata, storage.nbytes()
        if key in self.storages:
            return
        self.storages.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.release, key, size)

    def release(self, key: int, size: int) -> None:
        """Count a storage no more."""
        self.storages.discard(key)
        self.now -= size


def seconds_per_transition(
    histories: Windows, model: ModelConfig, training: TrainingConfig, seed: int
) -> float:
    """Of the least disturbed update: the processor's time on one thread, the clock's on a card.

    Other load makes updates dearer, never cheaper.
    """
    device = resolve_device(training.device, "training.device")
    times = []

    def note(*_: object) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() if device.type == "cuda" else time.process_time())

    train_briefly(histories, model, training, seed, UPDATES, TrainingHooks(on_update=note))
    took = np.diff(times)[1:-1]
    return float(took.min()) / (training.batch_size * training.context_length)


def peak_bytes(histories: Windows, model: ModelConfig, training: TrainingConfig, seed: int) -> int:
    """Of all tensors that are alive at once in a training of two updates, the model's included.

    On a card it is what torch's allocator has given out at most.
    """
    device = resolve_device(training.device, "training.device")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        train_briefly(histories, model, training, seed, UPDATES)  # a captured update among them
        return int(torch.cuda.max_memory_allocated(device))
    with AllocatedBytes() as allocated:
        train_briefly(histories, model, training, seed, 2)
    return int(allocated.peak)


def train_briefly(
    histories: Windows,
    model: ModelConfig,
    training: TrainingConfig,
    seed: int,
    updates: int,
    hooks: TrainingHooks | None = None,
) -> None:
    """Train for so many updates on one thread, and keep nothing."""
    changes = {
        "updates": updates,
        "warmup_updates": 0,
        "threads": 1,
        "evaluate_every": None,
        "metrics_every": updates,
        "checkpoint_every": updates,
    }
    brief = training.model_copy(update=changes)
    with TemporaryDirectory(prefix="adfast-step-cost-") as folder:
        train(
            histories,
            Path(folder),
            model=model,
            training=brief,
            seed=seed,
            hooks=hooks or TrainingHooks(say=lambda _: None),
            progress=False,
        )
