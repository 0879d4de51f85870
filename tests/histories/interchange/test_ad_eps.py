"""Histories of ad-eps come in as they are, and ours go out so that its own loader reads them."""

import json

import numpy as np
import pytest

from adfast.errors import ForeignDataError, InvalidArgument
from adfast.histories import interchange
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED
from histories.interchange.exchanged import (
    listed,
    make_store,
)


def write_annealed(folder, rng, goals, episodes=4, length=5):
    """As `dark_room/generate_trajectories.py` does: a file of `[E, T]` for each goal."""
    folder.mkdir(parents=True)
    names, made = [], []
    for number, _ in enumerate(goals):
        arrays = {
            "states": rng.integers(0, 81, (episodes, length)).astype(float),
            "actions": rng.integers(0, 5, (episodes, length)),
            "rewards": rng.integers(0, 2, (episodes, length)).astype(float),
            "dones": np.zeros((episodes, length), np.int32),
            "eps": rng.random((episodes, length)),
        }
        arrays["dones"][:, -1] = 1
        names.append(f"trajectories_{number}.npz")
        np.savez(folder / names[-1], **arrays)
        made.append(arrays)
    metadata = {"algorithm": "opt-eps", "label": "label"}
    metadata |= {"ordered_trajectories": names, "goal": goals}
    (folder / "metadata.metadata").write_text(json.dumps(metadata))
    return made


def write_learned(folder, rng, goal, chunks=(7, 9), length=5):
    """As `key_to_door/algorithms/q_learning.py` does: chunks of `[N, 1]`, wherever they cut."""
    folder.mkdir(parents=True)
    total = sum(chunks)
    arrays = {
        "states": rng.integers(0, 81, total).astype(float),
        "actions": rng.integers(0, 5, total),
        "rewards": rng.integers(0, 3, total).astype(float),
        "dones": np.int32(np.arange(total) % length == length - 1),
    }
    arrays["dones"][7] = 1  # ended by the task
    names, begin = [], 0
    for number, count in enumerate(chunks):
        names.append(f"trajectories_{(number + 1) * 1000}.npz")
        part = {
            name: values[begin : begin + count].reshape(-1, 1) for name, values in arrays.items()
        }
        np.savez(folder / names[-1], **part)
        begin += count
    metadata = {"algorithm": "Q-learning", "label": "label"}
    metadata |= {"ordered_trajectories": names, "goal": goal}
    (folder / "metadata.metadata").write_text(json.dumps(metadata))
    return arrays


def test_annealed_histories_come_in_one_for_each_goal(tmp_path):
    goals = [[0, 1], [4, 4], [0, 1]]
    made = write_annealed(tmp_path / "data" / "a1b2c", np.random.default_rng(0), goals)
    store = interchange.import_histories(tmp_path / "data", tmp_path / "store")
    assert store.num_histories == 3
    assert store.schema.episode_length == 5
    assert store.schema.reward_dtype == "uint8"
    assert store.metadata["task_id"].tolist() == [0, 1, 0]
    assert store.metadata["goal_0"].tolist() == [0, 4, 0]
    assert set(store.metadata["algorithm"]) == {"opt-eps"}
    for index, arrays in enumerate(made):
        history = store.history(index)
        states = arrays["states"].reshape(-1)
        np.testing.assert_array_equal(history["observation"][:, 0], states)
        np.testing.assert_array_equal(history["action"], arrays["actions"].reshape(-1))
        np.testing.assert_array_equal(history["reward"], arrays["rewards"].reshape(-1))
        np.testing.assert_array_equal(
            history["boundary"], arrays["dones"].reshape(-1) * BOUNDARY_TRUNCATED
        )
        np.testing.assert_array_equal(history["episode_step"], np.arange(20) % 5)
        following = np.append(states[1:], states[-1])
        following[4::5] = states[4::5]  # nobody wrote what came of an episode's last action
        np.testing.assert_array_equal(history["next_observation"][:, 0], following)


def test_chunks_of_a_learner_are_one_history(tmp_path):
    arrays = write_learned(tmp_path / "data" / "q", np.random.default_rng(1), [2, 3])
    store = interchange.import_histories(
        tmp_path / "data", tmp_path / "store", observation_sizes=(81,), num_actions=5
    )
    history = store.history(0)
    assert store.schema.observation == DiscreteObservation((81,))
    np.testing.assert_array_equal(history["observation"][:, 0], arrays["states"])
    ends = np.flatnonzero(history["boundary"])
    assert ends.tolist() == [4, 7, 9, 14]
    assert history["boundary"][ends].tolist() == [2, 1, 1, 2]
    assert history["episode_step"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 0, 1, 2, 3, 4, 0]


@pytest.mark.parametrize(("ends", "kind"), [("terminated", 1), ("truncated", 2)])
def test_ends_are_what_the_caller_says(tmp_path, ends, kind):
    write_learned(tmp_path / "data" / "q", np.random.default_rng(1), [2, 3])
    store = interchange.import_histories(tmp_path / "data", tmp_path / "store", ends=ends)
    assert set(store.history(0)["boundary"]) == {0, kind}
    assert {BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED} == {1, 2}


def test_export_is_what_its_own_loader_reads(tmp_path):
    store = make_store(tmp_path / "store", "counted")
    interchange.export_histories(store, tmp_path / "out", format="ad-eps")
    for index in range(store.num_histories):
        folder = tmp_path / "out" / f"history-{index:06d}"
        metadata = json.loads((folder / "metadata.metadata").read_text())
        files = [np.load(folder / name) for name in metadata["ordered_trajectories"]]
        read = {name: np.vstack([file[name] for file in files]) for name in files[0]}
        history = store.history(index)
        numbers = history["observation"][:, 0].astype(int) * 300 + history["observation"][:, 1]
        np.testing.assert_array_equal(read["states"], numbers[:, None])
        np.testing.assert_array_equal(read["actions"][:, 0], history["action"])
        np.testing.assert_array_equal(read["rewards"][:, 0], history["reward"])
        np.testing.assert_array_equal(read["dones"][:, 0], history["boundary"] != 0)


def test_pickled_episodes_are_refused(tmp_path):
    write_learned(tmp_path / "data" / "q", np.random.default_rng(1), [2, 3], chunks=(16,))
    ragged = np.array([[1.0, 2.0], [3.0]], dtype=object)
    np.savez(
        tmp_path / "data/q/trajectories_1000.npz", states=ragged, actions=ragged, rewards=ragged
    )
    with pytest.raises(ForeignDataError, match='"actions" is pickled'):
        interchange.import_histories(tmp_path / "data", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_path_that_is_there_is_kept(tmp_path):
    store = make_store(tmp_path / "store")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("x")
    for fresh in (False, True):
        with pytest.raises(InvalidArgument, match=r"there already|something else"):
            interchange.export_histories(store, tmp_path / "out", format="ad-eps", fresh=fresh)
    assert listed(tmp_path / "out") == ["precious"]
    interchange.export_histories(store, tmp_path / "made", format="ad-eps")
    interchange.export_histories(store, tmp_path / "made", format="ad-eps", fresh=True)
    assert listed(tmp_path)[0] == "made"  # nothing half done beside it
