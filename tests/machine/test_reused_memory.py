"""Memory is used again once nobody refers to it, and never before."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from adfast.machine import reused_memory
from adfast.machine.reused_memory import ReusedMemory

BYTE = np.dtype(np.uint8)


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_nobody_refers_to_it():
    memory = ReusedMemory()
    first = memory.empty((3, 1 << 20), BYTE)
    where, row = address(first), first[1]
    del first
    assert address(memory.empty((3 << 20,), BYTE)) != where, "a row of it is still there"
    tensor = torch.from_numpy(row)
    del row
    assert address(memory.empty((3 << 20,), BYTE)) != where, "a tensor of it is still there"
    del tensor
    again = {address(memory.empty((900_000,), np.dtype(np.float32))) for _ in range(3)}
    assert where in again, "other sizes and dtypes share it"


def test_small_arrays_and_none_are_arrays():
    memory = ReusedMemory()
    assert memory.empty((0, 3), BYTE).shape == (0, 3)
    assert memory.empty((2, 3), np.dtype(np.int16)).dtype == np.int16


def test_oldest_memory_is_forgotten(monkeypatch):
    monkeypatch.setattr(reused_memory, "KEPT_BYTES", 5 << 20)
    memory = ReusedMemory()
    arrays = [memory.empty((2 << 20,), BYTE) for _ in range(3)]
    places = [address(array) for array in arrays]
    arrays = arrays[:0]
    held = [memory.empty((2 << 20,), BYTE) for _ in range(2)]
    assert {address(array) for array in held} == set(places[1:])
    assert memory.empty((8 << 20,), BYTE).nbytes == 8 << 20, "larger than all that is kept"


def test_threads_never_share_an_array():
    memory = ReusedMemory()

    def fill(number):
        array = memory.empty((1 << 20,), BYTE)
        array[:] = number
        return bool((array == number).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(fill, range(200)))
