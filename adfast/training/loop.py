"""The training loop: windows in, checkpoints and metrics out, exactly resumable.

The batch of update u is a function of (seed, u), so a run that continues from a checkpoint repeats
the uninterrupted one bit for bit at the same thread count, which the checkpoint records. On CUDA
nothing but a metrics row, a checkpoint or an evaluation waits for the device.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from adfast import random_streams
from adfast.errors import CheckpointError, Interrupted
from adfast.models.checkpoint import describe_model
from adfast.models.transformer import Transformer
from adfast.training.allocator import keep_freed_memory
from adfast.training.batches.batches import Batches, describe_undrawn
from adfast.training.checkpoints.checkpoints import (
    TrainingState,
    checkpoint_to_resume,
    load_training,
    newest_checkpoint,
    save_training,
    tidy_checkpoints,
    training_tensors,
)
from adfast.training.checkpoints.continuation import describe_continuation
from adfast.training.config import TrainingConfig
from adfast.training.divergence import DivergenceWatch, are_finite, diverged
from adfast.training.execution import resolve_execution
from adfast.training.gradients.captured_update import CapturedUpdate
from adfast.training.gradients.gradients import (
    BatchOf,
    Gradient,
    batches_on_device,
    best_thread_count,
    make_gradient,
)
from adfast.training.gradients.sharded_gradient import Batch
from adfast.training.gradients.undivided_gradient import UndividedGradient
from adfast.training.metrics import MetricsLog, TrainingMetrics
from adfast.training.optimizers.optimizer import OptimizerGroup
from adfast.training.parallel.fully_sharded import own_share, shard_fully, whole_model
from adfast.training.parallel.processes import ALONE, Processes


class TrainingInterrupted(Interrupted):
    """Training stopped because it was asked to; `checkpoint` holds everything needed to go on."""

    def __init__(self, update: int, checkpoint: Path) -> None:
        super().__init__(f"training stopped after update {update}; saved {checkpoint}")
        self.update = update
        self.checkpoint = checkpoint


@dataclass(frozen=True)
class TrainingHooks:
    """What the caller may plug into the loop; every hook is optional.

    `evaluate(model)` returns the model's return on validation tasks for the metrics;
    `on_begin(trainer)` is called by `adfast.train` before a checkpoint is read or anything written,
    `on_end(trainer)` after the last update;
    `on_update(state, metrics)` sees every update, with the metrics row if one was written;
    `should_stop()` is asked after each; `say(sentence)` is told, once, what of the histories is
    never drawn (by default a warning). Of processes that train together the first calls them;
    `should_stop` is asked in each, and all stop where one says so.
    """

    evaluate: Callable[[Transformer], float] | None = None
    on_begin: Callable[[Trainer], None] | None = None
    on_end: Callable[[Trainer], None] | None = None
    on_update: Callable[[TrainingState, Mapping[str, Any] | None], None] | None = None
    should_stop: Callable[[], bool] | None = None
    say: Callable[[str], None] = warnings.warn


class Trainer:
    """Fits one model to windows of histories, on the device that `config` asks for.

    `batch_of(update)` gives the window fields `[B, T, ...]` of each update; `model` is moved to the
    device; `seed` keys dropout; `description` is what a checkpoint says of its model, for whoever
    loads it. Writes `checkpoints/update-*.safetensors` and `metrics.jsonl` into `directory`.

    Of several `processes` each has such a trainer, whose `batch_of` gives its rows of the batches.
    With `training.data_parallel = "fsdp"` the `model` of each is then a share of it.
    """

    def __init__(
        self,
        model: Transformer,
        batch_of: Batches,
        config: TrainingConfig,
        directory: Path,
        *,
        seed: int,
        hooks: TrainingHooks | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.execution = resolve_execution(
            config, model.attention_backend, model.config.head_dim, processes
        )
        self.processes = processes
        self.model = model.to(self.execution.device)
        self.model.recomputes_blocks = config.activation_checkpointing
        self.num_parameters = sum(parameter.numel() for parameter in model.parameters())
        if self.execution.is_fully_sharded:
            shard_fully(self.model, processes, self.execution.precision)
        self.batch_of = batch_of
        self.config = config
        self.directory = directory
        self.seed = seed
        self.hooks = hooks or TrainingHooks()
        self.optimizer = OptimizerGroup(model, config, is_exact=not processes.is_alone)
        self.description = describe_model(model) | describe_continuation(
            config, seed, batch_of.identity
        )
        self.state = TrainingState(
            description=self.description, muon_precision=self.optimizer.muon_precision
        )
        self.watch = DivergenceWatch(self.execution.device)
        self._captured: CapturedUpdate | None = None  # on a device, where the step is compiled

    @property
    def checkpoint_directory(self) -> Path:
        """Where the checkpoints of this run are."""
        return self.directory / "checkpoints"

    def run(self, *, resume: bool = False) -> TrainingState:
        """Train to the last update and return the final state.

        With `resume` it continues from the newest checkpoint, or starts if there is none. Raises
        `TrainingInterrupted` after saving when `hooks.should_stop` says so, `NotFinite` when the
        loss or its gradient is no finite number, and `CheckpointError` when the checkpoint is
        damaged or of another training, or there is one and `resume` is not set;
        `OtherProcessEnded` when another process cannot go on.
        """
        keep_freed_memory()
        first = self.processes.first
        newest = first(lambda: checkpoint_to_resume(self.checkpoint_directory, resume=resume))
        if newest is not None:
            self.state = load_training(
                newest, self.model, self.optimizer, self.description, self.processes
            )
            if self.state.update > self.config.updates:
                raise CheckpointError(
                    f"{newest} has {self.state.update} updates and training.updates is "
                    f"{self.config.updates}; ask for at least as many, or train in another "
                    "directory"
                )
            first(lambda: tidy_checkpoints(self.checkpoint_directory))
        if newest is None or self.state.processes != self.processes.size:
            self.state.threads = self.config.threads or best_thread_count(
                self.model, self.execution, self.batch_of
            )
            self.state.processes = self.processes.size
        # Shards bring their own threads; what is left is too small to be split, and the barriers of
        # split operations are slow when another process owns a core.
        torch.set_num_threads(1 if self.execution.is_sharded else self.state.threads)
        self.model.train()  # before it is replicated
        log = partial(MetricsLog, self.directory / "metrics.jsonl", keep_updates=self.state.update)
        metrics = first(log)
        updates = range(self.state.update, self.config.updates)
        gradient = make_gradient(self.model, self.execution, self.state.threads, self.config)
        batches = batches_on_device(self.batch_of, updates, self.model, self.execution.device)
        with closing(gradient), batches as batch_of:
            if isinstance(gradient, UndividedGradient) and gradient.is_compiled:
                self._captured = CapturedUpdate(gradient, self.optimizer)
            for update in updates:
                self._train_on(update, batch_of, gradient, metrics)
        self._captured = None  # gives its memory on the device back
        end = self.hooks.on_end
        if end is not None:
            first(lambda: end(self))
        return self.state

    def _train_on(
        self, update: int, batch_of: BatchOf, gradient: Gradient, metrics: MetricsLog
    ) -> None:
        """One update, and what is due after it."""
        started = time.perf_counter()
        try:
            batch = batch_of(update)
        except Interrupted:
            if not self.processes.is_alone:  # the others are in the update, and cannot save
                raise
            raise TrainingInterrupted(self.state.update, self._save(metrics)) from None
        self.state.waiting_seconds += time.perf_counter() - started
        gradient_norm = self._update(update, batch, gradient)
        row = None
        if self._is_due(self.config.metrics_every) or self._evaluates():
            self._require_finite()
            row = self._metrics_row(gradient_norm)
        if row is not None or self.state.update == 1:
            self._say_what_is_undrawn()
        self.state.seconds += time.perf_counter() - started
        if row is not None:
            seconds = {
                "seconds": round(self.state.seconds, 3),
                "waiting_seconds": round(self.state.waiting_seconds, 3),
            }
            line = TrainingMetrics(**row, **seconds).to_row()
            self.processes.first(partial(metrics.append, line))
        asked = self.hooks.should_stop is not None and self.hooks.should_stop()
        stopping = self.processes.any(asked)
        if stopping or self._is_due(self.config.checkpoint_every):
            path = self._save(metrics)
        if self.hooks.on_update is not None and self.processes.is_first:
            self.hooks.on_update(self.state, row)
        if stopping and self.state.update < self.config.updates:
            raise TrainingInterrupted(self.state.update, path)

    def _save(self, metrics: MetricsLog) -> Path:
        """Write a checkpoint behind the metrics that it counts on; its path."""
        self._require_finite()
        state = training_tensors(self.model, self.optimizer.state_tensors())
        if self.processes.any(not are_finite(map(own_share, state.values()))):
            raise diverged(self.state.update, newest_checkpoint(self.checkpoint_directory))
        self.processes.first(metrics.sync)
        # Who has a share writes it; the last checkpoint is a model file, which everybody reads.
        is_last = self.state.update == self.config.updates
        return save_training(
            self.checkpoint_directory,
            self.model,
            self.optimizer,
            self.state,
            self.processes,
            as_shares=self.execution.is_fully_sharded and not is_last,
        )

    def _require_finite(self) -> None:
        """Raise `NotFinite` if an update was not; waits for the device."""
        first = self.watch.first()
        if first is not None:
            raise diverged(first, newest_checkpoint(self.checkpoint_directory))

    def _say_what_is_undrawn(self) -> None:
        """Once: how many histories are too short to be drawn, if any are."""
        if self.state.undrawn is not None:
            return
        undrawn = self.batch_of.undrawn()
        if undrawn.histories:
            self.state.undrawn = undrawn._asdict()
            if self.processes.is_first:
                self.hooks.say(describe_undrawn(undrawn, self.config))

    def _update(self, update: int, batch: Batch, gradient: Gradient) -> torch.Tensor:
        """One optimiser step; returns the gradient's norm without waiting for it."""
        seed = dropout_seed(self.seed, update)
        if self._captured is not None:
            loss, accuracy, gradient_norm = self._captured(update, batch, seed)
            self.watch.note(update, loss, gradient_norm)
        else:
            loss, accuracy = gradient(batch, seed)
            gradient_norm = self.optimizer.clip()
            self.watch.note(update, loss, gradient_norm)
            if self.watch.is_free:
                self._require_finite()
            self.optimizer.apply(update)
        rows = len(batch["action"]) if self.processes.is_alone else self.config.batch_size
        transitions = rows * batch["action"].shape[1]
        self.state.update = update + 1
        self.state.environment_transitions += transitions
        self.state.tokens += transitions * self.model.config.tokens_per_transition
        self.state.accumulate(loss, accuracy)
        return gradient_norm

    def _is_due(self, every: int) -> bool:
        """Whether something done `every` so many updates, and at the last, is due now."""
        return self.state.update % every == 0 or self.state.update == self.config.updates

    def _evaluates(self) -> bool:
        """Whether the evaluation while training is due now."""
        every = self.config.evaluate_every
        return self.hooks.evaluate is not None and every is not None and self._is_due(every)

    def _metrics_row(self, gradient_norm: torch.Tensor) -> dict[str, Any]:
        """What is logged now: means since the last row, and the validation return if it is due."""
        loss, accuracy = self.state.take_means()
        row: dict[str, Any] = {
            "update": self.state.update,
            "tokens": self.state.tokens,
            "environment_transitions": self.state.environment_transitions,
            "loss": loss,
            "accuracy": accuracy,
            "learning_rate": self.optimizer.learning_rate,
            "gradient_norm": float(gradient_norm),
        }
        if self._evaluates():
            assert self.hooks.evaluate is not None
            model = whole_model(self.model, self.processes)
            row["validation_return"] = self.processes.first(partial(self.hooks.evaluate, model))
            self.model.train()
        return row


def dropout_seed(seed: int, update: int) -> int:
    """The seed of one update's dropout, below 2**63.

    Torch's generator on a CPU reads the lower 32 bits alone, so seed and update are mixed into all.
    """
    offset, mask = random_streams.stream_keys(seed, random_streams.DROPOUT, [update])
    return int(mask[0]) >> 1 << 32 | int(offset[0])
