"""Foreign files that are broken or that mean harm: one clear error each, and nothing is written."""

import io
import json
import os
import zipfile
import zlib

import h5py
import numpy as np
import pytest

from adfast.errors import AdfastError, ForeignDataError
from adfast.histories import interchange
from histories.interchange.exchanged import listed, make_store
from histories.interchange.test_round_trips import TARGETS


def good_arrays(length=30):
    return {
        "states": np.arange(length, dtype=float)[:, None] % 9,
        "actions": np.arange(length)[:, None] % 5,
        "rewards": np.ones((length, 1)),
        "dones": np.int32(np.arange(length)[:, None] % 10 == 9),
    }


def write_npz(folder, arrays, names=("trajectories_0.npz",), **metadata):
    folder.mkdir(exist_ok=True)
    np.savez(folder / "trajectories_0.npz", **arrays)
    said = {"algorithm": "x", "ordered_trajectories": list(names), "goal": [1, 2]} | metadata
    (folder / "metadata.metadata").write_text(json.dumps(said))


def changed(**arrays):
    return lambda folder: write_npz(folder, good_arrays() | arrays)


def missing_array(folder):
    arrays = good_arrays()
    del arrays["rewards"]
    write_npz(folder, arrays)


def truncated_npz(folder):
    write_npz(folder, good_arrays())
    path = folder / "trajectories_0.npz"
    path.write_bytes(path.read_bytes()[:-200])


def flipped_bytes(folder):
    write_npz(folder, good_arrays())
    path = folder / "trajectories_0.npz"
    content = bytearray(path.read_bytes())
    at = content.index(b"NUMPY", 300) + 200
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)


def absurd_header(folder):
    """A header that asks for 8 exbibytes."""
    write_npz(folder, good_arrays())
    header = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": (2**60, 1)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(folder / "trajectories_0.npz", "w") as file:
        for name in good_arrays():
            file.writestr(f"{name}.npy", header.getvalue() + bytes(64))


def zip_bomb(folder):
    """64 KiB that honestly unpack to 64 MiB a hundred times over."""
    write_npz(folder, good_arrays())
    count = 100 * 2**23
    header = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": (count, 1)}
    np.lib.format.write_array_header_1_0(header, about)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(header.getvalue()) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = packer.compress(bytes(2**26)) + packer.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(folder / "trajectories_0.npz", "w") as file:
        for name in good_arrays():
            file.writestr(f"{name}.npy", first + zeros * 100)
        for member in file.infolist():
            member.compress_type = zipfile.ZIP_DEFLATED
            member.file_size = len(header.getvalue()) + 8 * count


def outside(name):
    def write(folder):
        write_npz(folder, good_arrays(), names=[name])
        np.savez(folder.parent / "secret.npz", **good_arrays())

    return write


def link_outside(folder):
    write_npz(folder, good_arrays())
    np.savez(folder.parent / "secret.npz", **good_arrays())
    (folder / "trajectories_0.npz").unlink()
    (folder / "trajectories_0.npz").symlink_to(folder.parent / "secret.npz")


def pickled(folder):
    class Harm:
        def __reduce__(self):
            return os.system, (f"touch {folder.parent}/harmed",)

    write_npz(folder, good_arrays() | {"actions": np.array([Harm()], dtype=object)})


def listing(value):
    return lambda folder: write_npz(folder, good_arrays(), ordered_trajectories=value)


NPZ = {
    "pickled": (pickled, '"actions" is pickled'),
    "missing array": (missing_array, "missing: rewards"),
    "truncated": (truncated_npz, "cannot be read"),
    "flipped bytes": (flipped_bytes, "cannot be read"),
    "absurd header": (absurd_header, "must be of [0-9]+ bytes for float64"),
    "zip bomb": (zip_bomb, "which no data do"),
    "text": (changed(actions=np.array([["a"]] * 30)), "must be numbers"),
    "complex": (changed(rewards=np.ones((30, 1), complex)), "must be numbers"),
    "structured": (changed(actions=np.zeros((30, 1), "i4,f4")), "must be numbers"),
    "too few": (changed(rewards=np.ones((29, 1))), "as many rows as each other"),
    "wrong shape": (changed(rewards=np.ones((30, 2))), "as many transitions as"),
    "no rows": (changed(**{n: a[:0] for n, a in good_arrays().items()}), "has no transition"),
    "scalars": (changed(dones=np.int32(1)), "as many rows as each other"),
    "nan": (changed(rewards=np.full((30, 1), np.nan)), "reward must be finite, got nan in row 0"),
    "infinite": (changed(states=np.full((30, 1), np.inf)), "observation must be finite"),
    "negative action": (changed(actions=np.full((30, 1), -1)), "action must be whole numbers"),
    "broken action": (changed(actions=np.full((30, 1), 0.5)), "action must be whole numbers"),
    "many actions": (changed(actions=np.full((30, 1), 2**40)), "at most 255"),
    "columns": (changed(states=np.asfortranarray(np.ones((30, 2)))), "column by column"),
    "parent": (outside("../secret.npz"), "outside of its folder"),
    "absolute": (outside("/etc/passwd"), "outside of its folder"),
    "link": (link_outside, "outside of its folder"),
    "lost file": (listing(["trajectories_7.npz"]), "is not there"),
    "no list": (listing("trajectories_0.npz"), "must be a list of file names"),
    "numbers": (listing([1, 2]), "must be a list of file names"),
    "zero byte": (listing(["a\0b.npz"]), "cannot be read"),
}


@pytest.mark.parametrize("case", NPZ)
def test_hostile_npz_is_refused(tmp_path, case):
    write, message = NPZ[case]
    write(tmp_path / "data")
    require_refused(tmp_path, tmp_path / "data", message, format="ad-eps")
    assert not (tmp_path / "harmed").exists()


def require_refused(folder, source, message, **options):
    """One error that names the data and says what is wrong; nothing beside them is there."""
    before = listed(folder)
    with pytest.raises(AdfastError, match=message) as refused:
        interchange.import_histories(source, folder / "store", **options)
    assert listed(folder) == before
    if isinstance(refused.value, ForeignDataError):
        assert str(source) in str(refused.value)
    assert len(str(refused.value)) < 800


def write_hdf5(path, **arrays):
    shape = (2, 30)
    with h5py.File(path, "w") as file:
        group = file.create_group("0")
        good = {
            "states": np.zeros((*shape, 5, 5), np.uint8),
            "actions": np.zeros(shape, np.uint8),
            "rewards": np.zeros(shape, np.float16),
            "dones": np.zeros(shape, bool),
        }
        for name, values in (good | arrays).items():
            if callable(values):
                values(group, name)
            elif values is not None:
                group[name] = values


def unwritten(group, name):
    """Ten tebibytes, of which none is stored."""
    group.create_dataset(name, (2, 5 * 2**40), np.uint8, chunks=(1, 2**20))


def great_chunks(group, name):
    group.create_dataset(name, (2, 2**30), np.uint8, chunks=(1, 2**29))


def lying_elsewhere(group, name):
    group.create_dataset(name, (2, 30), np.uint8, external=[("/etc/hostname", 0, 60)])


def virtual(group, name):
    layout = h5py.VirtualLayout((2, 30), np.uint8)
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (2, 30))
    group.create_virtual_dataset(name, layout)


def texts(group, name):
    group.create_dataset(name, data=np.array([["a", "b"]], object), dtype=h5py.string_dtype())


def link(kind, *arguments):
    return lambda group, name: group.__setitem__(name, kind(*arguments))


HDF5 = {
    "missing": ({"rewards": None}, "rewards is missing"),
    "text": ({"actions": texts}, "must be numbers"),
    "unequal": ({"rewards": np.zeros((2, 29), np.float16)}, r"must be \(2, 30\), got \(2, 29\)"),
    "flat": ({"actions": np.zeros(60, np.uint8)}, "must have 2 axes"),
    "flat states": ({"states": np.zeros(60, np.uint8)}, "states must be"),
    "nan": ({"rewards": np.full((2, 30), np.nan, np.float16)}, "reward must be finite"),
    "great action": ({"actions": np.full((2, 30), 255, np.uint8)}, "action must be whole numbers"),
    "external link": ({"actions": link(h5py.ExternalLink, "/etc/passwd", "/x")}, "not followed"),
    "soft link": ({"actions": link(h5py.SoftLink, "/0/states")}, "not followed"),
    "external storage": ({"actions": lying_elsewhere}, "lies in other files"),
    "virtual": ({"actions": virtual}, "lies in other files"),
    "unwritten": ({"actions": unwritten}, "which no data do"),
    "great chunks": ({"actions": great_chunks}, "has chunks of"),
    "group": ({"actions": lambda group, name: group.create_group(name)}, "must be a data set"),
}


@pytest.mark.parametrize("case", HDF5)
def test_hostile_hdf5_is_refused(tmp_path, case):
    arrays, message = HDF5[case]
    write_hdf5(tmp_path / "data.hdf5", **arrays)
    require_refused(tmp_path, tmp_path / "data.hdf5", message)


def test_task_that_is_a_link_is_not_followed(tmp_path):
    with h5py.File(tmp_path / "data.hdf5", "w") as file:
        file["0"] = h5py.ExternalLink("/etc/passwd", "/0")
    require_refused(tmp_path, tmp_path / "data.hdf5", "not followed")


@pytest.mark.parametrize("name", TARGETS)
def test_cut_files_are_refused(tmp_path, name):
    """Each file of an export, cut at some places and emptied."""
    store = make_store(tmp_path / "store", "one number")
    whole = interchange.export_histories(store, tmp_path / TARGETS[name], format=name)
    files = [path for path in [whole, *whole.rglob("*")] if path.is_file()]
    for path in files[:: max(len(files) // 3, 1)]:
        content = path.read_bytes()
        for length in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:length])
            with pytest.raises(AdfastError):
                interchange.import_histories(whole, tmp_path / "back", format=name)
            assert not (tmp_path / "back").exists(), f"{path.name} of {length} bytes"
        path.write_bytes(content)
    assert interchange.import_histories(whole, tmp_path / "back").num_histories == 4


def test_words_of_adfast_are_not_trusted(tmp_path):
    store = make_store(tmp_path / "store")
    interchange.export_histories(store, tmp_path / "out-v0", format="minari")
    about = tmp_path / "out-v0" / "data" / "adfast.json"
    words = json.loads(about.read_text())
    for change, message in (
        ({"format": "other"}, "no words of adfast"),
        ({"version": 2}, "upgrade adfast"),
        ({"transition": {}}, "damaged"),
        ({"transition": words["transition"] | {"num_actions": 2}}, "action"),
        ({"histories": []}, "cannot be read|must say"),
        ({"histories": [{"episodes": 1, "metadata": {}, "first_step": 0}]}, "must say of"),
    ):
        about.write_text(json.dumps(words | change))
        require_refused(tmp_path, tmp_path / "out-v0" / "data", message)
