"""Episodes and replay buffers of RA-DT come in as the histories of their tasks."""

import json

import numpy as np
import pytest

from adfast.errors import ForeignDataError
from adfast.histories import interchange


def write_episodes(folder, rng, lengths, *, cut_last=False):
    """An npz file for each episode, as its loaders read them (`buffer_utils.load_npz`)."""
    folder.mkdir(parents=True)
    episodes = []
    for number, length in enumerate(lengths):
        episode = {
            "states": rng.integers(0, 10, (length, 2)).astype(np.float32),
            "actions": rng.integers(0, 5, length),
            "rewards": rng.integers(0, 2, length).astype(np.float32),
            "dones": np.bool_(not (cut_last and number == len(lengths) - 1)),
        }
        np.savez_compressed(
            folder / f"{number}.npz", **episode, returns_to_go=np.cumsum(episode["rewards"])
        )
        episodes.append(episode)
    return episodes


def test_episodes_are_put_together_in_order(tmp_path):
    rng = np.random.default_rng(0)
    tasks = {"[0,0]_[2,0]": [6] * 12, "[0,0]_[10,3]": [6, 4, 6, 2]}
    made = {
        name: write_episodes(tmp_path / "10x10" / name, rng, lengths, cut_last=len(lengths) < 9)
        for name, lengths in tasks.items()
    }
    store = interchange.import_histories(tmp_path / "10x10", tmp_path / "store")
    assert store.lengths.tolist() == [72, 18]  # tasks by the numbers in their names: 2, then 10
    assert store.metadata["goal_0"].tolist() == [2, 10]
    assert store.metadata["start_1"].tolist() == [0, 0]
    for index, name in enumerate(tasks):
        history = store.history(index)
        for ours, theirs in (("observation", "states"), ("action", "actions")):
            whole = np.concatenate([episode[theirs] for episode in made[name]])
            np.testing.assert_array_equal(history[ours], whole)
    assert np.flatnonzero(store.history(1)["boundary"]).tolist() == [5, 9, 15]
    assert store.history(1)["boundary"][[5, 9, 15]].tolist() == [2, 1, 2]
    assert store.history(1)["episode_step"][-2:].tolist() == [0, 1]


def test_order_is_that_of_its_list_of_trajectories(tmp_path):
    made = write_episodes(tmp_path / "data", np.random.default_rng(0), [3, 4, 5])
    order = {"0": 2, "1": 0, "2": 1}
    (tmp_path / "data" / "episode_trjids.json").write_text(json.dumps(order))
    store = interchange.import_histories(tmp_path / "data", tmp_path / "store")
    actions = np.concatenate([made[number]["actions"] for number in (1, 2, 0)])
    np.testing.assert_array_equal(store.history(0)["action"], actions)


@pytest.mark.parametrize("axes", [(), (1,)], ids=["flat", "of one environment"])
def test_buffer_has_what_came_of_the_last_action(tmp_path, axes):
    rng = np.random.default_rng(0)
    shape = (20, *axes)
    buffer = {
        "observations": rng.integers(0, 9, (*shape, 2)),
        "next_observations": rng.integers(0, 9, (*shape, 2)),
        "actions": rng.integers(0, 5, (*shape, 1)),
        "rewards": rng.integers(0, 2, shape).astype(np.float32),
        "dones": np.broadcast_to(np.arange(20) % 5 == 4, shape[::-1]).T.astype(np.float32),
    }
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "[0,0]_[2,0].npz", **buffer)
    for source in (tmp_path / "data", tmp_path / "data" / "[0,0]_[2,0].npz"):
        store = interchange.import_histories(source, tmp_path / source.stem / "store")
        history = store.history(0)
        following = buffer["next_observations"].reshape(20, 2)
        np.testing.assert_array_equal(history["next_observation"], following)
        np.testing.assert_array_equal(np.flatnonzero(history["boundary"]), [4, 9, 14, 19])


def test_pickled_buffers_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "[0,0]_[2,0].pkl").write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(ForeignDataError, match=r"pickled \(\.pkl\) could run any program"):
        interchange.import_histories(tmp_path / "data", tmp_path / "store")
    assert not (tmp_path / "store").exists()
