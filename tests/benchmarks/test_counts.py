"""What speed rests on and a clock need not see: allocations, compilations, operations per layer."""

import tracemalloc

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from adfast import tasks
from adfast.evaluation.agent import Agent
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.simulators.step_loops import compile_step_loops
from adfast.training.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.undivided_gradient import UndividedGradient
from benchmarks.ring_buffer import filled_ring, random_transitions
from benchmarks.training import learning_histories

FAMILY = tasks.make("dark-room")
BOOKKEEPING = 16_384  # bytes that a call may leave to Python itself; arrays take hundreds of KB


def peak_bytes(call, times):
    """The most memory that `times` calls hold at once, beyond what was there."""
    call(0)
    call(1)
    tracemalloc.start()
    try:
        for number in range(2, 2 + times):
            call(number)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_steps_that_reuse_their_arrays_allocate_nothing():
    simulator = BatchSimulator(FAMILY, np.arange(8192) % FAMILY.num_tasks, copy=False)
    simulator.reset()
    actions = np.zeros(8192, np.int64)
    assert peak_bytes(lambda _: simulator.step(actions), 30) < BOOKKEEPING


def test_windows_that_nobody_keeps_are_sampled_into_the_same_memory():
    ring = filled_ring(random_transitions(16, 1024))
    assert peak_bytes(lambda draw: ring.sample(128, 400, seed=0, draw=draw), 30) < BOOKKEEPING


def test_loops_are_compiled_once_for_all_batches_and_dtypes():
    loops = compile_step_loops(FAMILY)
    for count, dtype in ((1, np.int64), (100, np.uint8), (8192, np.int32)):
        for copy in (False, True):
            simulator = BatchSimulator(FAMILY, np.zeros(count, int), copy=copy)
            simulator.reset()
            simulator.step(np.zeros(count, dtype))
    assert len(loops.step_all.signatures) == 1
    assert len(loops.reset_some.signatures) == 1


class CountOperations(TorchDispatchMode):
    """Counts what computes: on a device each of these is at least one launch."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += not function.is_view
        return function(*args, **(kwargs or {}))


def operations_of_gradient(num_layers):
    settings = TrainingConfig(updates=10, batch_size=2, context_length=64, threads=1)
    batches = BatchSource(learning_histories(FAMILY.name, 64), settings, seed=0)
    model = Transformer(
        ModelConfig(num_layers=num_layers, attention_window=32), FAMILY.transition_schema, seed=0
    )
    gradient = UndividedGradient(model, torch.float32)
    gradient(batches(0))
    batch = batches(1)
    with CountOperations() as operations:
        gradient(batch)
    return operations.count


def operations_of_acting(num_layers):
    model = Transformer(
        ModelConfig(num_layers=num_layers, attention_window=32), FAMILY.transition_schema, seed=0
    )
    agent = Agent(model, 4)
    simulator = BatchSimulator(FAMILY, np.arange(4))
    actions = agent.act(simulator.reset())
    result = simulator.step(actions)
    with CountOperations() as operations:
        agent.act(*result)
    return operations.count


# What a layer added when this was written, and a few to spare.
@pytest.mark.parametrize(
    ("operations_of", "most"), [(operations_of_gradient, 38), (operations_of_acting, 32)]
)
def test_a_layer_adds_few_operations(operations_of, most):
    few, many = operations_of(2), operations_of(4)
    assert 5 <= (many - few) / 2 <= most
