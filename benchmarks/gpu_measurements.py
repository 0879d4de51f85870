"""What is measured of training and acting on a device; `gpu_training.py` is the command.

Every figure has the receptive field of its model beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from unittest.mock import patch

import numpy as np
import torch

from adfast import tasks
from adfast.evaluation.agent import Agent
from adfast.models import layer_step
from adfast.models.config import ModelConfig
from adfast.models.device import resolve_precision
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.training.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.optimizer import OptimizerGroup
from adfast.training.prefetch import BatchPrefetcher
from adfast.training.transfer import CudaTransfer
from adfast.training.undivided_gradient import UndividedGradient
from benchmarks.evaluation import EnvironmentLoop
from benchmarks.pair_timer import Contender, Effort, time_interleaved
from benchmarks.recall_task import RecallTask, Stage, measure_recall, train_on_recall
from benchmarks.rivals.compiled_three_token import CompiledThreeTokenGradient
from benchmarks.rivals.recomputing_device_agent import RecomputingDeviceAgent
from benchmarks.rivals.three_token import ThreeTokenTransformer
from benchmarks.training import fill_randomly, learning_histories

MODEL = ModelConfig(num_layers=4, width=64, num_heads=4, attention_window=256)
FULL_CAUSAL = MODEL.model_copy(update={"attention_window": None})
KIBIBYTE = 1024


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    context: int = 4096
    rows: int = 32
    environments: int = 4096
    few_environments: int = 16
    window: int = 256
    lengths: tuple[int, ...] = (1 << 14, 1 << 16, 1 << 18, 1 << 20)
    full_causal: int = 1 << 18
    windowed: int = 1 << 20
    recall: tuple[Stage, ...] = (
        Stage(128, 150, 8192),
        *(Stage(1 << exponent, 20, 1 << 15) for exponent in (9, 11, 13, 15, 17)),
        Stage(1 << 18, 20, 1),
    )
    recall_sequences: int = 20
    seconds: float = 8.0  # per comparison


SMALL = Sizes(
    context=64,
    rows=2,
    environments=4,
    few_environments=2,
    window=16,
    lengths=(64, 128),
    full_causal=128,
    windowed=256,
    recall=(Stage(128, 2, 256), Stage(256, 2, 256)),
    recall_sequences=2,
    seconds=0.1,
)


@dataclass(frozen=True)
class Figure:
    """One measured number; its bar is that it be at least or at most so much."""

    name: str
    value: float
    unit: str
    receptive_field: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        """What the table says of the bar."""
        if self.at_least is not None:
            return f"{'meets' if self.value >= self.at_least else 'MISSES'} >= {self.at_least:g}"
        if self.at_most is not None:
            return f"{'meets' if self.value <= self.at_most else 'MISSES'} <= {self.at_most:g}"
        return ""


class Bench:
    """The measurements on one device, in the precision that "auto" means there."""

    def __init__(self, sizes: Sizes, device: torch.device) -> None:
        self.sizes = sizes
        self.device = device
        self.precision = resolve_precision("auto", device, "precision")
        self.compiler = "inductor" if device.type == "cuda" else None
        self.schema = tasks.make("dark-room").transition_schema
        self.config = MODEL.model_copy(update={"attention_window": sizes.window})
        self.effort = Effort(seconds=sizes.seconds, sample_seconds=sizes.seconds / 20)

    def measure(self) -> Iterator[Figure]:
        """All figures, as they are found."""
        for measurement in (
            self.training,
            self.evaluation,
            self.few_environments,
            self.memory,
            self.longest_steps,
            self.recall,
        ):
            yield from measurement()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def training(self) -> Iterator[Figure]:
        """Transitions/s of whole updates, batches included, against the paper's layout."""
        sizes = self.sizes
        settings = TrainingConfig(
            updates=99_999_999, batch_size=sizes.rows, context_length=sizes.context
        )
        source = BatchSource(learning_histories("dark-room", sizes.context), settings, seed=0)
        model = Transformer(self.config, self.schema, seed=0).to(self.device).train()
        rival = ThreeTokenTransformer(self.config, self.schema).to(self.device).train()
        ours = UndividedGradient(model, self.precision, compiler=self.compiler)
        theirs = CompiledThreeTokenGradient(rival)
        with self.batches(source) as batch_of, self.batches(source) as rival_batch_of:
            subject = self.updates(ours, OptimizerGroup(model, settings), batch_of)
            paper = self.updates(theirs, OptimizerGroup(rival, settings), rival_batch_of)
            rate, ratio = self.compare(subject, paper, sizes.rows * sizes.context)
        field = describe_field(self.config)
        yield Figure("training", rate, "transitions/s", field, at_least=8e6)
        yield Figure("training, over three tokens, full causal", ratio, "x", field, at_least=20)

    def evaluation(self) -> Iterator[Figure]:
        """Environment steps/s with the simulator, against recomputing the window."""
        family, number = tasks.make("dark-room"), self.sizes.environments
        task_ids = np.arange(number) % family.num_tasks
        model = Transformer(self.config, self.schema, seed=0).to(self.device).eval()
        fill_randomly(model)
        agent = Agent(model, number, device=self.device.type)  # type: ignore[arg-type]
        streaming = EnvironmentLoop(agent.act, BatchSimulator(family, task_ids))
        rival = RecomputingDeviceAgent(agent.model, number, self.sizes.window)
        recomputing = EnvironmentLoop(rival.act, BatchSimulator(family, task_ids))
        for _ in range(self.sizes.window):
            streaming()
        rival.length = self.sizes.window  # of a history of zeros, which takes as long
        rate, ratio = self.compare(streaming, recomputing, number)
        field = describe_field(self.config)
        yield Figure("streaming evaluation", rate, "environment steps/s", field, at_least=5e6)
        yield Figure("streaming, over recomputing", ratio, "x", field, at_least=100)

    def few_environments(self) -> Iterator[Figure]:
        """Environment steps/s where launches take the time, and what fused layers gain there."""
        family, number = tasks.make("dark-room"), self.sizes.few_environments
        model = Transformer(self.config, self.schema, seed=0).to(self.device).eval()
        fill_randomly(model)

        def begun() -> EnvironmentLoop:
            agent = Agent(model, number, device=self.device.type)  # type: ignore[arg-type]
            loop = EnvironmentLoop(agent.act, BatchSimulator(family, np.arange(number)))
            for _ in range(self.sizes.window):
                loop()  # the first step chooses, and captures what it chose
            return loop

        fused = begun()
        with patch.object(layer_step, "prefers_fused", return_value=False):
            apart = begun()
        rate, ratio = self.compare(fused, apart, number)
        field = describe_field(self.config)
        yield Figure(f"acting in {number} environments", rate, "environment steps/s", field)
        yield Figure("one kernel per layer, over its operations", ratio, "x", field)

    def memory(self) -> Iterator[Figure]:
        """Bytes per transition of forward and backward, by the length of one sequence."""
        if self.device.type != "cuda":
            return
        per_transition = [
            self.peak_bytes(self.config, length) / length for length in self.sizes.lengths
        ]
        field = describe_field(self.config)
        for length, taken in zip(self.sizes.lengths, per_transition, strict=True):
            name = f"memory at {length:,} transitions"
            yield Figure(name, taken / KIBIBYTE, "KiB/transition", field, at_most=32)
        spread = max(per_transition) / min(per_transition) - 1
        yield Figure("memory, deviation from linear", spread, "share", field, at_most=0.05)

    def longest_steps(self) -> Iterator[Figure]:
        """Seconds of one update on one sequence: without a window, and of a million."""
        for config, length in (
            (FULL_CAUSAL, self.sizes.full_causal),
            (self.config, self.sizes.windowed),
        ):
            seconds = self.step_seconds(config, length)
            yield Figure(f"step of {length:,} transitions", seconds, "s", describe_field(config))

    def recall(self) -> Iterator[Figure]:
        """The least share recalled in any eighth of the longest sequences."""
        stages = self.sizes.recall
        model = Transformer(FULL_CAUSAL, RecallTask(128, 1, 0).schema, seed=0).to(self.device)
        train_on_recall(model, stages, self.precision)
        longest = stages[-1].length
        parts = measure_recall(model.eval(), longest, self.sizes.recall_sequences, num_parts=8)
        updates = sum(stage.updates for stage in stages)
        name = f"recall over {longest:,} after {updates} updates, worst eighth"
        worst = float(parts.nan_to_num(1.0).min())  # an early part may hold no query
        yield Figure(name, worst, "share", describe_field(FULL_CAUSAL), at_least=0.95)

    @contextmanager
    def batches(self, source: BatchSource) -> Iterator[Callable[[int], dict[str, torch.Tensor]]]:
        """The batches of `source` as a training takes them on this device."""
        if self.device.type == "cpu":
            yield source
            return
        transfer = CudaTransfer(self.device)
        with BatchPrefetcher(source.fill, range(10**9), source(0), transfer) as prefetched:
            yield prefetched

    def updates(
        self,
        gradient: Callable[[dict[str, torch.Tensor]], object],
        optimizer: OptimizerGroup,
        batch_of: Callable[[int], dict[str, torch.Tensor]],
    ) -> Callable[[], None]:
        """A call of one update."""
        numbers = count()

        def update() -> None:
            number = next(numbers)
            gradient(batch_of(number))
            optimizer.step(number)

        return update

    def compare(
        self, subject: Callable[[], None], rival: Callable[[], None], work: int, calls: int = 5
    ) -> tuple[float, float]:
        """Rate of `subject` in units/s, and its ratio to `rival`: medians, interleaved.

        A sample is several calls and one wait for the device, so that calls may overlap.
        """

        def several(call: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                for _ in range(calls):
                    call()
                self.wait()

            return run

        contenders = [
            Contender(label, several(call), calls * work)
            for label, call in (("subject", subject), ("rival", rival))
        ]
        timings = time_interleaved(contenders, self.effort)
        ratio = np.median(timings[0].rates / timings[1].rates)
        return float(np.median(timings[0].rates)), float(ratio)

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def one_sequence(
        self, config: ModelConfig, length: int
    ) -> tuple[Transformer, UndividedGradient, dict[str, torch.Tensor]]:
        """A fresh model, what computes its gradient, and a batch of one sequence."""
        task = RecallTask(length, 1, seed=0)
        model = Transformer(config, task.schema, seed=0).to(self.device).train()
        batch = {name: values.to(self.device) for name, values in task(0).items()}
        return model, UndividedGradient(model, self.precision), batch

    def peak_bytes(self, config: ModelConfig, length: int) -> int:
        """Memory that a gradient takes at its peak, beyond weights and batch."""
        _, gradient, batch = self.one_sequence(config, length)
        gradient(batch)
        self.wait()
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        gradient(batch)
        self.wait()
        return torch.cuda.max_memory_allocated(self.device) - before

    def step_seconds(self, config: ModelConfig, length: int) -> float:
        """The faster of two updates after a first one."""
        model, gradient, batch = self.one_sequence(config, length)
        optimizer = OptimizerGroup(model, TrainingConfig())
        seconds = []
        for number in range(3):
            started = time.perf_counter()
            gradient(batch)
            optimizer.step(number)
            self.wait()
            seconds.append(time.perf_counter() - started)
        return min(seconds[1:])


def describe_field(config: ModelConfig) -> str:
    """The receptive field as the table writes it."""
    field = config.receptive_field
    return "all before" if field is None else f"{field:,}"
