"""Files in the layout of XLand-100B come in as they are, and its own loaders read what goes out."""

import h5py
import numpy as np
import pytest

from adfast.histories import interchange
from adfast.tasks.observation import DiscreteObservation
from histories.interchange.exchanged import make_store

HISTORIES, LENGTH, LIMIT = 3, 40, 12


def write_tasks(path, num_tasks=2, ruleset=7000):
    """As `collection/combine.py` does, with its dtypes, chunks and attributes."""
    rng = np.random.default_rng(0)
    made = []
    with h5py.File(path, "w") as file:
        for task in range(num_tasks):
            group = file.create_group(str(task))
            group.attrs["env-id"] = "XLand-MiniGrid-R1-9x9"
            group.attrs["benchmark-id"] = "trivial-1m"
            group.attrs["ruleset-id"] = ruleset + task
            shape = (HISTORIES, LENGTH)
            arrays = {
                "states": rng.integers(0, 15 * 14, (*shape, 5, 5)).astype(np.uint8),
                "actions": rng.integers(0, 6, shape).astype(np.uint8),
                "rewards": (rng.random(shape) < 0.1).astype(np.float16) * np.float16(0.7),
                "dones": np.broadcast_to(np.arange(LENGTH) % LIMIT == LIMIT - 1, shape).copy(),
                "expert_actions": rng.integers(0, 6, shape).astype(np.uint8),
            }
            arrays["dones"][:, 3] = True  # the goal is reached
            for name, values in arrays.items():
                chunks = (1, LENGTH, *values.shape[2:])
                options = {"compression": "gzip", "compression_opts": 6}
                group.create_dataset(name, data=values, chunks=chunks, **options)
            made.append(arrays)
    return made


def test_tasks_come_in_with_all_their_histories(tmp_path):
    made = write_tasks(tmp_path / "data.hdf5", num_tasks=11)
    store = interchange.import_histories(tmp_path / "data.hdf5", tmp_path / "store")
    assert store.num_histories == 33
    assert store.metadata["ruleset_id"].tolist() == np.repeat(7000 + np.arange(11), 3).tolist()
    assert set(store.metadata["env_id"]) == {"XLand-MiniGrid-R1-9x9"}
    assert store.schema.observation == DiscreteObservation((256,) * 25)
    assert (store.schema.num_actions, store.schema.reward_dtype) == (6, "float32")
    assert store.schema.labelled
    for index in (0, 4, 32):
        arrays = made[index // HISTORIES]
        history = store.history(index)
        states = arrays["states"][index % HISTORIES].reshape(LENGTH, 25)
        np.testing.assert_array_equal(history["observation"], states)
        for name, theirs in (("action", "actions"), ("label", "expert_actions")):
            np.testing.assert_array_equal(history[name], arrays[theirs][index % HISTORIES])
        np.testing.assert_array_equal(history["reward"], arrays["rewards"][index % HISTORIES])
        ends = np.flatnonzero(history["boundary"])
        assert ends.tolist() == [3, 11, 23, 35]
        assert history["boundary"][ends].tolist() == [1, 1, 2, 2]  # 12 steps are the limit
        assert history["episode_step"][36:].tolist() == [0, 1, 2, 3]


def test_file_of_one_task_has_it_at_its_root(tmp_path):
    write_tasks(tmp_path / "data.hdf5", num_tasks=1)
    with h5py.File(tmp_path / "data.hdf5", "r+") as file:
        for name in list(file["0"]):
            file.move(f"0/{name}", name)
        for name, value in file["0"].attrs.items():
            file.attrs[name] = value
        del file["0"]
    store = interchange.import_histories(tmp_path / "data.hdf5", tmp_path / "store")
    assert store.metadata["ruleset_id"].tolist() == [7000] * 3


def test_export_is_what_its_own_loaders_read(tmp_path):
    write_tasks(tmp_path / "data.hdf5")
    store = interchange.import_histories(tmp_path / "data.hdf5", tmp_path / "store")
    interchange.export_histories(store, tmp_path / "out.hdf5")
    with h5py.File(tmp_path / "out.hdf5") as out, h5py.File(tmp_path / "data.hdf5") as data:
        assert list(out) == list(data) == ["0", "1"]
        for task in data:
            assert out[task].attrs["env-id"] == data[task].attrs["env-id"]
            assert out[task].attrs["benchmark-id"] == data[task].attrs["benchmark-id"]
            for name in data[task]:
                np.testing.assert_array_equal(out[task][name][:], data[task][name][:])
                assert out[task][name].shape == data[task][name].shape


def test_unequal_lengths_are_padded_and_counted(tmp_path):
    store = make_store(tmp_path / "store", "real")
    interchange.export_histories(store, tmp_path / "out.hdf5")
    with h5py.File(tmp_path / "out.hdf5") as file:
        assert list(file) == ["0", "1", "2", "3"]  # as many tasks
        assert file["2/rewards"].shape == (1, 40)
        assert file["2/lengths"][:].tolist() == [40]
        assert file["2/states"].shape == (1, 40, 4)


@pytest.mark.parametrize("name", ["data.hdf5", "anything"])
def test_layout_is_recognised_by_what_is_in_the_file(tmp_path, name):
    write_tasks(tmp_path / name)
    assert interchange.recognise(tmp_path / name) == "xland"
