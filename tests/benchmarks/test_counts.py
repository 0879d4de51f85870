"""What speed rests on and a clock need not see, beside what the rows of the table say."""

import numba
import numpy as np
import pytest
import torch

from adfast import tasks
from adfast.evaluation.agents.agent import Agent
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.simulators.step_loops import compile_step_loops
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.gradients.undivided_gradient import UndividedGradient
from benchmarks.counts import COUNTERS
from benchmarks.training import learning_histories

FAMILY = tasks.make("dark-room")


def test_counters_count():
    kept = []
    assert COUNTERS["allocated_bytes"](lambda: kept.append(np.zeros(100_000, np.uint8))) > 100_000
    ones = torch.ones(3)
    assert COUNTERS["operations"](lambda: (ones + 1).view(3, 1) * 2) == 2
    square = numba.njit(lambda number: number * number)
    assert COUNTERS["compilations"](lambda: square(2)) > 0
    assert COUNTERS["compilations"](lambda: square(3)) == 0


def test_loops_are_compiled_once_for_all_batches_and_dtypes():
    loops = compile_step_loops(FAMILY)
    for count, dtype in ((1, np.int64), (100, np.uint8), (8192, np.int32)):
        for copy in (False, True):
            simulator = BatchSimulator(FAMILY, np.zeros(count, int), copy=copy)
            simulator.reset()
            simulator.step(np.zeros(count, dtype))
    assert len(loops.step_all.signatures) == 1
    assert len(loops.reset_some.signatures) == 1


def model_of(num_layers):
    config = ModelConfig(num_layers=num_layers, attention_window=32)
    return Transformer(config, FAMILY.transition_schema, seed=0)


def gradient_on_a_device(num_layers):
    settings = TrainingConfig(updates=10, batch_size=2, context_length=64, threads=1)
    batches = BatchSource(learning_histories(FAMILY.name, 64), settings, seed=0)
    gradient = UndividedGradient(model_of(num_layers), torch.float32)
    gradient(batches(0))
    batch = batches(1)
    return lambda: gradient(batch)


def acting(num_layers):
    agent = Agent(model_of(num_layers), 4)
    simulator = BatchSimulator(FAMILY, np.arange(4))
    result = simulator.step(agent.act(simulator.reset()))
    return lambda: agent.act(*result)


# What a layer added when this was written, and a few to spare.
@pytest.mark.parametrize(("prepare", "most"), [(gradient_on_a_device, 38), (acting, 32)])
def test_a_layer_adds_few_operations(prepare, most):
    few, many = (COUNTERS["operations"](prepare(num_layers)) for num_layers in (2, 4))
    assert 5 <= (many - few) / 2 <= most
