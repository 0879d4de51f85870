"""What is written as Parquet is loaded by pandas and by Hugging Face's `datasets`, and back."""

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adfast.errors import ForeignDataError, InvalidArgument
from adfast.histories import interchange
from histories.interchange.exchanged import assert_same_histories, make_store


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def test_rows_are_what_the_store_holds(tmp_path):
    store = make_store(tmp_path / "store", "real", reward_dtype="float32", labelled=True)
    path = interchange.export_histories(store, tmp_path / "out.parquet")
    loaded = datasets.load_dataset(
        "parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    frame = pd.read_parquet(path)
    assert len(loaded) == len(frame) == store.num_transitions
    assert loaded[0]["observation"] == store.history(0)["observation"][0].tolist()
    rows = loaded.with_format("numpy")[:]
    for index in range(store.num_histories):
        here = rows["history"] == index
        history = store.history(index)
        for name in ("observation", "next_observation", "action", "reward", "label"):
            np.testing.assert_array_equal(rows[name][here], history[name])
        own = frame[frame.history == index]
        np.testing.assert_array_equal(own.terminated, history["boundary"] == 1)
        np.testing.assert_array_equal(own.truncated, history["boundary"] == 2)
        np.testing.assert_array_equal(own.episode_step, history["episode_step"])
        starts = np.cumsum(history["boundary"] != 0) - (history["boundary"] != 0)
        np.testing.assert_array_equal(own.episode, starts)
        assert set(own.task_id) == {store.metadata["task_id"][index]}
        assert set(own.algorithm) == {store.metadata["algorithm"][index]}


def test_what_datasets_wrote_again_comes_back(tmp_path):
    store = make_store(tmp_path / "store", "pictures")
    path = interchange.export_histories(store, tmp_path / "out.parquet")
    loaded = datasets.load_dataset(
        "parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    (tmp_path / "again").mkdir()
    for number in range(2):  # in two files, of which a history is in both
        part = loaded.shard(2, number, contiguous=True)
        part.to_parquet(str(tmp_path / "again" / f"part-{number}.parquet"))
    back = interchange.import_histories(
        tmp_path / "again", tmp_path / "back", reward_dtype="int8", num_actions=5, episode_length=6
    )
    back.description.update(store.description)  # which `datasets` did not keep
    assert_same_histories(back, store)


def test_rows_of_anybody_are_one_history(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "observation": [row.tolist() for row in rng.normal(size=(30, 3))],
            "action": rng.integers(0, 4, 30),
            "reward": rng.normal(size=30),
            "done": np.arange(30) % 7 == 6,
        }
    )
    frame.to_parquet(tmp_path / "data.parquet")
    store = interchange.import_histories(tmp_path / "data.parquet", tmp_path / "store")
    assert store.lengths.tolist() == [30]
    assert store.schema.observation.stored.dtype == np.float64
    np.testing.assert_array_equal(store.history(0)["observation"], frame.observation.tolist())
    np.testing.assert_array_equal(store.history(0)["boundary"], 2 * frame.done)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": pa.array([0, None, 1])}, "a value in each row"),
        ({"observation": pa.array([[1.0], [1.0, 2.0], [3.0]])}, "lists of one length"),
        ({"observation": pa.array(["a", "b", "c"])}, "must be numbers"),
        ({"reward": pa.array([0.0, float("nan"), 1.0])}, "reward must be finite, got nan in row 1"),
        ({"action": pa.array([0, -1, 1])}, "action must be whole numbers in 0..1"),
        ({"action": pa.array([0, 300, 1])}, "got numbers from 0 to 300"),
        ({"done": None}, "how episodes end"),
        ({"reward": None}, "missing: reward"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, change, message):
    columns = {
        "observation": pa.array([[1.5], [2.5], [3.5]]),
        "action": pa.array([0, 1, 1]),
        "reward": pa.array([0.0, 1.0, 0.5]),
        "done": pa.array([False, True, False]),
    } | change
    table = pa.table({name: column for name, column in columns.items() if column is not None})
    pq.write_table(table, tmp_path / "data.parquet")
    with pytest.raises((ForeignDataError, ValueError), match=message):
        interchange.import_histories(tmp_path / "data.parquet", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def written(path, **columns):
    """A file of twelve transitions in two histories of episodes of four, with other `columns`."""
    rows = np.arange(12)
    data = {
        "history": rows // 8,
        "observation": [[row % 3] for row in rows],
        "action": rows % 2,
        "reward": np.zeros(12),
        "done": rows % 4 == 3,
    }
    pq.write_table(pa.table(data | columns), path)
    return path


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"history": np.arange(12) % 2}, "rows of history 0 do not follow"),
        ({"history": np.repeat([0, 1, 0], 4)}, "rows of history 0 do not follow"),
        ({"history": np.full(12, np.nan)}, "rows of history nan do not follow"),
        ({"episode_step": np.arange(12) % 4 + 1}, "episode_step must count .* got 1 in row 4"),
        ({"episode_step": np.full(12, 7)}, "episode_step must count .* got 7 in row 1"),
        ({"episode_step": np.arange(12) % 4 - 1}, "episode_step must count .* got -1 in row 0"),
        ({"episode_step": np.arange(12) % 4 + 0.5}, "episode_step must count"),
    ],
)
def test_rows_out_of_order_are_refused(tmp_path, columns, message):
    path = written(tmp_path / "data.parquet", **columns)
    with pytest.raises(ForeignDataError, match=message):
        interchange.import_histories(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_numbers_of_histories_may_begin_anew_in_each_file(tmp_path):
    (tmp_path / "data").mkdir()
    for name in "ab":
        written(tmp_path / "data" / f"{name}.parquet")
    store = interchange.import_histories(tmp_path / "data", tmp_path / "store")
    assert store.lengths.tolist() == [8, 4, 8, 4]


def test_first_episode_may_have_begun_before(tmp_path):
    steps = np.concatenate([np.arange(5, 9), np.arange(8) % 4])
    path = written(tmp_path / "data.parquet", episode_step=steps)
    store = interchange.import_histories(path, tmp_path / "store")
    assert store.history(0)["episode_step"].tolist() == steps[:8].tolist()


def test_rewards_that_no_store_holds_are_found_before_anything_is_written(tmp_path):
    path = written(tmp_path / "data.parquet", reward=np.full(12, 1e300))
    with pytest.raises(InvalidArgument, match="reward must be float32"):
        interchange.import_histories(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()
