"""What of histories can be copied and sent to another process, and what is refused in words."""

from __future__ import annotations

import copy
import pickle
import shutil

import numpy as np
import pytest
from made_histories import SCHEMA, assert_same_batch, make_block

from adfast.errors import InvalidArgument, StoreError
from adfast.histories import RingBuffer, create, from_arrays
from adfast.histories import open as open_store


def write_blocks(path, numbers, seed=0):
    """An open-ended store of these blocks, which are functions of number and seed."""
    with create(path, SCHEMA, is_open_ended=True, description={"made": True}) as writer:
        for number in numbers:
            arrays, lengths = make_block(np.random.default_rng((seed, number)), 4, 30)
            writer.append_block(number, arrays, lengths, {"task_id": np.arange(4)})


def draw(store):
    return store.sample_packed(3, 20, seed=1, draw=2, return_positions=True)


@pytest.fixture
def path(tmp_path):
    write_blocks(tmp_path / "store", [0, 1])
    return tmp_path / "store"


def test_store_is_sent_as_its_folder_and_opened_again(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    store = open_store("store")
    sent = pickle.dumps(store)
    assert len(sent) < 2000
    monkeypatch.chdir("/")  # the other process may be elsewhere
    again = pickle.loads(sent)
    assert_same_batch(draw(again), draw(store))
    assert again.path == path
    assert again.description == store.description
    assert (again.metadata["task_id"] == store.metadata["task_id"]).all()


def test_store_that_has_grown_is_sent_as_it_was_opened(path):
    store = open_store(path)
    write_blocks(path, [2])
    again = pickle.loads(pickle.dumps(store))
    assert again.num_histories == store.num_histories == 8
    assert_same_batch(draw(again), draw(store))


@pytest.mark.parametrize("change", ["other", "fewer", "gone"])
def test_store_that_is_no_longer_the_same_is_refused(path, change):
    sent = pickle.dumps(open_store(path))
    shutil.rmtree(path)
    if change != "gone":
        write_blocks(path, [0] if change == "fewer" else [0, 1], seed=int(change == "other"))
    with pytest.raises(StoreError, match="no history store" if change == "gone" else "open it"):
        pickle.loads(sent)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copy_of_a_store_is_the_store(path, copied):
    arrays, lengths = make_block(np.random.default_rng(0), 4, 30)
    for store in (open_store(path), from_arrays(SCHEMA, arrays, lengths)):
        assert copied(store) is store


def test_histories_in_memory_are_not_sent():
    arrays, lengths = make_block(np.random.default_rng(0), 4, 30)
    with pytest.raises(InvalidArgument, match="in memory cannot be sent"):
        pickle.dumps(from_arrays(SCHEMA, arrays, lengths))


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_is_written_to_is_neither_sent_nor_copied(tmp_path, copied):
    with pytest.raises(InvalidArgument, match="a ring buffer cannot be copied or sent"):
        copied(RingBuffer(SCHEMA, 2, 10))
    with (
        create(tmp_path / "new", SCHEMA) as writer,
        pytest.raises(InvalidArgument, match="a history writer cannot be copied or sent"),
    ):
        copied(writer)
