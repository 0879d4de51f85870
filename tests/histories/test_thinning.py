"""A thinned store has every k-th episode of each history and says whose they are."""

import numpy as np
import pytest
from made_histories import SCHEMA, make_block

from adfast import histories, source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.tasks.fields import Field


def episodes_of(history):
    """The rows of each episode, the first of which may have begun before the history."""
    starts = np.flatnonzero(history["episode_step"] == 0)
    return np.split(np.arange(len(history["action"])), starts[starts > 0])


@pytest.mark.parametrize("keep_every", [1, 2, 5])
def test_every_kth_episode_is_kept_and_no_other(tmp_path, keep_every):
    rng = np.random.default_rng(0)
    with histories.create(tmp_path / "whole", SCHEMA, num_blocks=3) as writer:
        for number in range(3):
            arrays, lengths = make_block(rng, 4, 60)
            metadata = {"task_id": rng.integers(99, size=4), "algorithm": f"learner {number}"}
            writer.append_block(number, arrays, lengths, metadata)
    store = histories.open(tmp_path / "whole")
    thinned = histories.thin(store, tmp_path / "thin", keep_every=keep_every)
    assert thinned.num_histories == store.num_histories
    assert thinned.description == {"keep_every": keep_every, "thinned": store.identity}
    np.testing.assert_equal(thinned.metadata, store.metadata)
    for index in range(store.num_histories):
        history = store.history(index)
        rows = np.concatenate(episodes_of(history)[::keep_every])
        for name, values in thinned.history(index).items():
            np.testing.assert_array_equal(values, history[name][rows])


def test_thinned_store_is_what_a_collection_would_have_kept(tmp_path):
    family = tasks.make("dark-room", size=5, episode_length=10)
    source = source_algorithms.make("q-learning")
    ids = np.arange(6)
    stores = []
    for keep_every in (1, 4):
        arrays = family.transition_schema.allocate(6, -(-30 // keep_every) * 10)
        lengths = source.learn(family, ids, ids, 30, 0, arrays, keep_every=keep_every)
        stores.append(histories.from_arrays(family.transition_schema, arrays, lengths))
    thinned = histories.thin(stores[0], tmp_path, keep_every=4)
    for index in range(6):
        np.testing.assert_equal(thinned.history(index), stores[1].history(index))


def test_interrupted_thinning_goes_on(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    with histories.create(tmp_path / "whole", SCHEMA, num_blocks=3) as writer:
        for number in range(3):
            writer.append_block(number, *make_block(rng, 4, 60))
    store = histories.open(tmp_path / "whole")
    append_block = histories.HistoryWriter.append_block
    written = []

    def counted(writer, number, *arguments):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(number)
        append_block(writer, number, *arguments)

    monkeypatch.setattr(histories.HistoryWriter, "append_block", counted)
    with pytest.raises(KeyboardInterrupt):
        histories.thin(store, tmp_path / "thin", keep_every=2)
    written.clear()
    resumed = histories.thin(store, tmp_path / "thin", keep_every=2)
    assert written == [2]
    monkeypatch.undo()
    expected = histories.thin(store, tmp_path / "at once", keep_every=2)
    for index in range(store.num_histories):
        np.testing.assert_equal(resumed.history(index), expected.history(index))


def test_what_cannot_be_thinned_is_refused(tmp_path):
    schema = histories.FieldSchema({"token": Field(np.dtype(np.uint8))})
    store = histories.from_arrays(schema, {"token": np.zeros(9, np.uint8)}, np.array([9]))
    with pytest.raises(InvalidArgument, match='need an unsigned integer field "episode_step"'):
        histories.thin(store, tmp_path, keep_every=2)
    with pytest.raises(InvalidArgument, match="keep_every must be an integer of at least 1, got 0"):
        histories.thin(store, tmp_path, keep_every=0)
