"""What goes out comes back equal, in every format, for every kind of observation."""

import pytest

from adfast import histories
from adfast.errors import InvalidArgument
from adfast.histories import interchange
from histories.interchange.exchanged import OBSERVATIONS, assert_same_histories, make_store

TARGETS = {"ad-eps": "out", "minari": "out-v0", "parquet": "out.parquet", "xland": "out.hdf5"}
REWARDS = {"counted": "int8", "one number": "uint8", "real": "float32", "wide": "int32"}


def test_all_formats_that_are_written_are_here():
    from adfast.histories.interchange.catalogue import FORMATS, load_format

    assert {name for name in FORMATS if load_format(name).can_write} == TARGETS.keys()


@pytest.mark.parametrize("kind", OBSERVATIONS)
@pytest.mark.parametrize("name", TARGETS)
def test_round_trip_is_equal(tmp_path, monkeypatch, name, kind):
    if kind == "counted":  # many pieces and row groups
        monkeypatch.setattr("adfast.histories.interchange.foreign.PIECE_BYTES", 128)
    labelled = name != "minari" and kind in ("real", "counted")
    reward_dtype = REWARDS.get(kind, "int16")
    store = make_store(tmp_path / "store", kind, reward_dtype=reward_dtype, labelled=labelled)
    path = interchange.export_histories(store, tmp_path / TARGETS[name], format=name)
    assert interchange.recognise(path) == name
    back = interchange.import_histories(path, tmp_path / "back")
    assert_same_histories(back, store)
    assert back.description["imported"]["format"] == name
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(
        ["store", "back", TARGETS[name]]
    )


def test_labels_that_a_format_has_no_room_for_are_refused(tmp_path):
    store = make_store(tmp_path / "store", labelled=True)
    with pytest.raises(InvalidArgument, match="no room for the labels"):
        interchange.export_histories(store, tmp_path / "out-v0", format="minari")
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


def test_rows_that_are_no_transitions_are_refused(tmp_path):
    import numpy as np

    from adfast.tasks.fields import Field

    schema = histories.FieldSchema({"reward": Field(np.dtype(np.float32))})
    rows = {"reward": np.zeros(3, np.float32)}
    store = histories.from_arrays(schema, rows, np.array([3]))
    with pytest.raises(InvalidArgument, match="only histories of transitions"):
        interchange.export_histories(store, tmp_path / "out.parquet")
