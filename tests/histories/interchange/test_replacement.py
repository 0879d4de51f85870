"""`fresh` replaces what a conversion has made, and nothing of anybody else."""

import json
import shutil

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adfast import histories
from adfast.errors import ForeignDataError, InUse, InvalidArgument
from adfast.histories import interchange
from adfast.histories.writer import sole_writer
from histories.interchange.conversions import TARGETS
from histories.interchange.exchanged import assert_same_histories, make_store


def contents(path):
    """Name -> bytes of each file below."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return {str(file): file.read_bytes() for file in files}


def make_parquet_folder(path):
    path.mkdir()
    (path / "thesis.tex").write_text("years")
    pq.write_table(pa.table({"observation": [0], "action": [0], "reward": [0]}), path / "a.parquet")


def make_parquet_file(path):
    pq.write_table(pa.table({"observation": [0], "action": [0], "reward": [0]}), path)


def make_weights(path):
    with h5py.File(path, "w") as file:
        file["weights"] = [1.0, 2.0]


def make_nested_metadata(path):
    (path / "deep").mkdir(parents=True)
    (path / "thesis.tex").write_text("years")
    (path / "deep/a.metadata").write_text(json.dumps({"ordered_trajectories": ["a.npz"]}))


def make_minari_alike(path):
    (path / "data").mkdir(parents=True)
    (path / "thesis.tex").write_text("years")
    (path / "data/metadata.json").write_text(json.dumps({"data_format": "hdf5"}))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("parquet", make_parquet_folder),
        ("parquet", make_parquet_file),
        ("xland", make_weights),
        ("ad-eps", make_nested_metadata),
        ("minari", make_minari_alike),
    ],
)
def test_data_of_somebody_else_are_not_replaced(tmp_path, name, make):
    store = make_store(tmp_path / "store")
    target = tmp_path / "target-v0"
    make(target)
    before = contents(target)
    assert interchange.recognise(target) == name
    with pytest.raises(InvalidArgument, match="something else"):
        interchange.export_histories(store, target, format=name, fresh=True)
    assert contents(target) == before


@pytest.mark.parametrize("name", TARGETS)
def test_export_replaces_an_export_with_nothing_else_in_it(tmp_path, name):
    target = interchange.export_histories(
        make_store(tmp_path / "old", lengths=((9,),)), tmp_path / "target-v0", format=name
    )
    store = make_store(tmp_path / "store")
    interchange.export_histories(store, target, format=name, fresh=True)
    assert_same_histories(interchange.import_histories(target, tmp_path / "back"), store)
    if target.is_dir():
        (target / "notes.txt").write_text("years")
        before = contents(target)
        with pytest.raises(InvalidArgument, match="something else"):
            interchange.export_histories(store, target, format=name, fresh=True)
        assert contents(target) == before


def test_import_replaces_an_import_alone_and_only_by_good_data(tmp_path):
    store = make_store(tmp_path / "store")
    data = interchange.export_histories(store, tmp_path / "data.h5")
    with pytest.raises(InvalidArgument, match="not imported"):
        interchange.convert(data, tmp_path / "store", fresh=True)
    target = interchange.convert(data, tmp_path / "target")
    before = contents(target)

    (tmp_path / "cut.h5").write_bytes(data.read_bytes()[:500])
    with pytest.raises(ForeignDataError):
        interchange.convert(tmp_path / "cut.h5", target, fresh=True)
    with pytest.raises(InvalidArgument, match="num_actions"):
        interchange.convert(data, target, fresh=True, num_actions=2)
    with sole_writer(target), pytest.raises(InUse):
        interchange.convert(data, target, fresh=True)
    assert contents(target) == before

    shutil.copy(data, target / "inside.h5")
    with pytest.raises(InvalidArgument, match=r"holds .*inside\.h5"):
        interchange.convert(target / "inside.h5", target, fresh=True)
    assert (target / "inside.h5").is_file()
    (target / "inside.h5").unlink()

    other = interchange.export_histories(
        make_store(tmp_path / "n", lengths=((9,),)), tmp_path / "n.h5"
    )
    interchange.convert(other, target, fresh=True)
    assert histories.open(target).lengths.tolist() == [9]


def test_what_is_not_there_looks_like_no_data(tmp_path):
    assert interchange.recognise(tmp_path / "nowhere") is None
