"""Workers of a DataLoader, however they begin, while the parent has compiled code and a pool."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.histories import RingBuffer, create
from adfast.histories import open as open_store
from adfast.simulators import BatchSimulator
from histories.made_histories import SCHEMA, make_block

pytestmark = pytest.mark.faults

DRAWS = 12


class Draws(Dataset):
    """Item d is draw d of the histories, and an environment stepped d times."""

    def __init__(self, histories, simulator):
        self.histories = histories
        self.simulator = simulator

    def __len__(self):
        return DRAWS

    def __getitem__(self, draw):
        batch = self.histories.sample(64, 8, seed=3, draw=draw, threads=4)
        self.simulator.reset()
        for _ in range(draw):
            observation = self.simulator.step(np.ones(16, np.int64)).observation
            batch["stepped"] = observation.copy()
        batch["product"] = (torch.ones(3, 3) @ torch.ones(3, 3)).numpy()
        return batch


@pytest.fixture(params=["store", "ring"])
def histories(request, tmp_path):
    arrays, lengths = make_block(np.random.default_rng(0), 50, 40)
    if request.param == "ring":
        ring = RingBuffer(SCHEMA, 50, 40)
        ring.append_block(range(50), arrays, lengths=lengths)
        return ring
    with create(tmp_path / "store", SCHEMA, num_blocks=1) as writer:
        writer.append_block(0, arrays, lengths)
    return open_store(tmp_path / "store")


@pytest.mark.parametrize("is_persistent", [False, True])
def test_forked_workers_draw_what_their_parent_draws(histories, is_persistent):
    simulator = BatchSimulator(tasks.make("dark-room"), np.arange(16), seed=1)
    draws = Draws(histories, simulator)
    expected = [draws[draw] for draw in range(DRAWS)]  # pool and compiled code are alive
    loader = DataLoader(
        draws,
        batch_size=None,
        num_workers=2,
        multiprocessing_context="fork",
        persistent_workers=is_persistent,
        timeout=300,  # a lock that is held for ever would hang
    )
    for _ in range(2):
        for batch, same in zip(loader, expected, strict=True):
            assert batch.keys() == same.keys()
            for name, array in same.items():
                np.testing.assert_array_equal(np.asarray(batch[name]), array)
    again = draws[DRAWS - 1]  # and the parent goes on
    np.testing.assert_array_equal(again["action"], expected[-1]["action"])


class StoreDraws(Dataset):
    """Item d is draw d of a store."""

    def __init__(self, store):
        self.store = store

    def __len__(self):
        return 3

    def __getitem__(self, draw):
        return self.store.sample(4, 1, seed=3, draw=draw)["action"].astype(np.int64)


def loader(histories, method):
    return DataLoader(
        StoreDraws(histories),
        batch_size=None,
        num_workers=1,
        multiprocessing_context=method,
        timeout=300,
    )


@pytest.mark.parametrize(
    "method", ["fork", "spawn", pytest.param("forkserver", marks=pytest.mark.thorough)]
)
def test_workers_of_every_kind_draw_from_the_same_store(tmp_path, method):
    arrays, lengths = make_block(np.random.default_rng(0), 5, 40)
    with create(tmp_path / "store", SCHEMA, num_blocks=1) as writer:
        writer.append_block(0, arrays, lengths)
    store = open_store(tmp_path / "store")
    drawn = [np.asarray(batch) for batch in loader(store, method)]
    np.testing.assert_array_equal(
        drawn, [store.sample(4, 1, seed=3, draw=d)["action"] for d in range(3)]
    )


@pytest.mark.parametrize(
    "method", ["spawn", pytest.param("forkserver", marks=pytest.mark.thorough)]
)
def test_what_cannot_go_to_a_worker_is_refused_in_words(method):
    with pytest.raises(InvalidArgument, match=r"ring buffer cannot.*\"fork\""):
        list(loader(RingBuffer(SCHEMA, 50, 40), method))
