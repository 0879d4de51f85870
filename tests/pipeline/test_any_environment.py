"""docs/any-environment.md, carried out: a library's learner on CartPole, recorded, distilled.

Its other half, many tasks, is carried out at small sizes by `tests/snippets`.
"""

import json
import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.thorough]  # `tests/snippets` has it at small sizes
PAGE = Path(__file__).parents[2] / "docs" / "any-environment.md"


@pytest.fixture(scope="module")
def carried_out(tmp_path_factory):
    """The names that the page's Python leaves behind, and the folder it ran in."""
    pytest.importorskip("stable_baselines3", reason="the page's learner: pip install '.[dev]'")
    folder = tmp_path_factory.mktemp("any-environment")
    one_task, many_tasks, _ = PAGE.read_text().partition("## Many tasks")
    assert many_tasks
    source = "\n".join(re.findall(r"^```python\n(.*?)^```$", one_task, re.M | re.S))
    names = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        exec(compile(source, str(PAGE), "exec"), names)
    return names, folder


def test_histories_are_what_the_learner_saw(carried_out, monkeypatch):
    names, folder = carried_out
    monkeypatch.chdir(folder)
    store = names["store"]
    assert store.verify() > 0
    assert f"  # {store.num_histories} {store.num_transitions}\n" in PAGE.read_text()
    assert len(names["monitors"]) == store.num_histories == 8
    for index, monitor in enumerate(names["monitors"]):
        history = store.history(index)
        assert len(history["action"]) == monitor.total_steps == 2560
        ends = np.flatnonzero(history["boundary"])
        assert np.diff([-1, *ends]).tolist() == monitor.get_episode_lengths()
        rewards = history["reward"][: ends[-1] + 1].astype(float)
        returns = np.add.reduceat(rewards, [0, *(ends[:-1] + 1)])
        np.testing.assert_allclose(returns, monitor.get_episode_rewards())
        inside = history["boundary"][:-1] == 0
        np.testing.assert_array_equal(
            history["next_observation"][:-1][inside], history["observation"][1:][inside]
        )
        fell = np.abs(history["next_observation"][ends][:, 2]) > 0.2095
        left = np.abs(history["next_observation"][ends][:, 0]) > 2.4
        np.testing.assert_array_equal(history["boundary"][ends] == 1, fell | left)


def test_learner_is_recorded_from_its_first_to_its_last_episode(carried_out):
    names, _ = carried_out
    lengths = [
        np.diff(np.flatnonzero(names["store"].history(index)["boundary"]), prepend=-1)
        for index in range(8)
    ]
    assert np.mean([episodes[:5].mean() for episodes in lengths]) < 40
    assert np.mean([episodes[-1] for episodes in lengths]) > 150


def test_model_predicts_well_below_the_share_of_each_action(carried_out):
    names, folder = carried_out
    actions = np.concatenate([names["store"].history(index)["action"] for index in range(8)])
    share = actions.mean()
    marginal = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    rows = (folder / "cartpole-run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["loss"] < 0.8 * marginal


def test_agent_stays_up_far_longer_than_chance(carried_out):
    names, _ = carried_out
    environment = gymnasium.make("CartPole-v1")
    random, steps = np.random.default_rng(0), 0
    for episode in range(100):
        environment.reset(seed=episode)
        is_over = False
        while not is_over:
            is_over = any(environment.step(random.integers(2))[2:4])
            steps += 1
    chance = steps / 100
    assert 15 < chance < 30
    played = names["played"].returns
    assert played.shape == (8, 10)
    assert played.mean() > 5 * chance
