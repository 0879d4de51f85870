"""Minari's data sets come in, and the real library reads what goes out."""

import json

import gymnasium
import minari
import numpy as np
import pytest

import adfast
from adfast.errors import ForeignDataError, InvalidArgument
from adfast.histories import interchange
from adfast.tasks.observation import RealObservation
from histories.interchange.exchanged import SCENE, make_store

RECIPE = """
[histories]
path = "store"
[environment]
id = "CartPole-v1"
held_out = [{}]
[model]
num_layers = 1
width = 16
feed_forward_width = 32
attention_window = 20
[training]
updates = 2
warmup_updates = 0
batch_size = 2
context_length = 20
align = "step"
threads = 1
evaluate_every = "none"
[evaluation]
episodes = 2
seeds = 1
"""


@pytest.fixture
def cart_poles(tmp_path, monkeypatch):
    """A data set of CartPole that Minari itself wrote, its last episode given up."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    buffers = []
    environment = gymnasium.make("CartPole-v1", max_episode_steps=15)
    environment.action_space.seed(0)
    for number in range(6):
        observation, _ = environment.reset(seed=number)
        rows = {"observations": [observation], "actions": [], "rewards": []}
        rows |= {"terminations": [], "truncations": []}
        for _ in range(4 if number == 5 else 99):
            action = environment.action_space.sample()
            observation, reward, terminated, truncated, _ = environment.step(action)
            values = (observation, action, reward, terminated, truncated)
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
            if terminated or truncated:
                break
        buffers.append(minari.data_collector.EpisodeBuffer(**rows))
    return minari.create_dataset_from_buffers(
        "cartpole/random-v0",
        buffers,
        env=environment.spec,
        eval_env=environment.spec,
        observation_space=environment.observation_space,
        action_space=environment.action_space,
        algorithm_name="random",
        author="nobody",
        author_email="nobody@example.org",
        code_permalink="https://example.org",
        description="CartPole",
    )


def test_episodes_come_in_as_one_history(cart_poles, tmp_path):
    folder = tmp_path / "minari" / "cartpole" / "random-v0"
    assert interchange.recognise(folder) == "minari"
    store = interchange.import_histories(folder, tmp_path / "store")
    assert store.schema.observation == RealObservation("float32", (4,))
    assert store.description["recorded"] == {"first_observation": [], "first_action": 0}
    history = store.history(0)
    episodes = list(cart_poles.iterate_episodes())
    assert len(episodes) == 6
    for name, theirs in (("action", "actions"), ("reward", "rewards")):
        whole = np.concatenate([getattr(episode, theirs) for episode in episodes])
        np.testing.assert_array_equal(history[name], whole)
    for name, part in (("observation", slice(-1)), ("next_observation", slice(1, None))):
        whole = np.concatenate([episode.observations[part] for episode in episodes])
        np.testing.assert_array_equal(history[name], whole)
    boundary = np.concatenate(
        [np.where(e.terminations, 1, np.where(e.truncations, 2, 0)) for e in episodes]
    )
    np.testing.assert_array_equal(history["boundary"], boundary)
    assert {1, 2} <= {*boundary}
    assert boundary[-1] == 0


def test_recipe_begins_from_what_came_in(cart_poles, tmp_path):
    folder = tmp_path / "minari" / "cartpole" / "random-v0"
    interchange.import_histories(folder, tmp_path / "store")
    (tmp_path / "poles.toml").write_text(RECIPE)
    run = adfast.Run.create(tmp_path / "poles.toml", tmp_path / "run")
    run.train()
    results = run.evaluate()
    assert run.directory.checkpoints.exists()
    assert results.summary is not None


@pytest.mark.parametrize("kind", ["counted", "real", "pictures", "rendered"])
def test_library_reads_what_goes_out(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    store = make_store(tmp_path / "store", kind)
    interchange.export_histories(store, tmp_path / "minari" / "ours-v0", format="minari")
    dataset = minari.load_dataset("ours-v0")
    assert dataset.total_steps == store.num_transitions
    assert dataset.spec.observation_space.shape == store.schema.observation.stored.shape
    episodes = dataset.iterate_episodes()
    for index in range(store.num_histories):
        history = store.history(index)
        row = 0
        while row < len(history["action"]):
            episode = next(episodes)
            end = row + len(episode)
            np.testing.assert_array_equal(episode.actions, history["action"][row:end])
            np.testing.assert_array_equal(episode.rewards, history["reward"][row:end])
            np.testing.assert_array_equal(
                episode.observations[:-1], history["observation"][row:end]
            )
            final = history["next_observation"][end - 1]
            np.testing.assert_array_equal(episode.observations[-1], final)
            np.testing.assert_array_equal(episode.terminations, history["boundary"][row:end] == 1)
            np.testing.assert_array_equal(episode.truncations, history["boundary"][row:end] == 2)
            row = end
    assert next(episodes, None) is None
    if kind == "rendered":  # the scene that draws the poses is beside them
        words = json.loads((tmp_path / "minari/ours-v0/data/adfast.json").read_text())
        assert words["transition"]["scene"]["name"] == SCENE.name


def test_data_set_without_spaces_runs_nothing(cart_poles, tmp_path):
    path = tmp_path / "minari" / "cartpole" / "random-v0" / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["observation_space"]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ForeignDataError, match="must say its observation_space"):
        interchange.import_histories(path.parent, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_place_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = make_store(tmp_path / "store", lengths=((4,),))
    interchange.export_histories(store, "out-v0", format="minari")
    assert interchange.import_histories("out-v0", "back").num_transitions == 4


def test_name_is_one_of_minari(tmp_path):
    store = make_store(tmp_path / "store")
    with pytest.raises(InvalidArgument, match="dark-room-v0"):
        interchange.export_histories(store, tmp_path / "no version", format="minari")
