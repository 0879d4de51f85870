"""With a window a transition costs as much in a long context as in a short one."""

from functools import partial

import pytest
import torch
from model_cases import random_histories, small_model

from benchmarks.counts import operations

WINDOW = 256


def saved_bytes(call):
    """What torch keeps for the gradient while `call` runs forward, each piece of memory once."""
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = call()
    return sum(storage.nbytes() for storage in kept.values()), result


def test_memory_and_operations_of_a_token_do_not_grow_with_its_context():
    model = small_model(attention_window=WINDOW)
    memory, work = [], []
    for length in (2_048, 16_384):
        model.zero_grad()
        batch = random_histories(1, length)
        held, logits = saved_bytes(partial(model, batch))
        memory.append(held / length)
        work.append(operations(logits.square().mean().backward))
    assert memory[1] == pytest.approx(memory[0], rel=0.1)
    assert work[1] < 1.5 * work[0]  # for 8 times the tokens: only chunks are more
