"""Dead ends are counted for the agent, its source and random actions, where a family has some."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.evaluation.agents.random_agent import RandomActions
from adfast.evaluation.dead_ends import count_dead_ends, observations_by_episode
from adfast.evaluation.in_context import evaluate
from adfast.report.page.results import dead_end_sentences
from adfast.report.terminal import dead_ends_in_rows
from adfast.runs.files.results import DeadEnds
from reference.keys_and_boxes import KeysAndBoxesReference

OPTIONS = {"size": 3, "episode_length": 12, "puzzles": 9}
EPISODES, SEEDS, KEEP_EVERY = 6, 4, 3
FAMILY = tasks.make("keys-and-boxes", **OPTIONS)
LEARNER = source_algorithms.make("q-learning", reads="state", epsilon_start=1, epsilon_end=0)


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(
        RandomActions(), FAMILY, np.arange(9), episodes=EPISODES, seeds=SEEDS, progress=False
    )


def is_dead_end(task_id, actions):
    """Of one episode, by the twin."""
    twin = KeysAndBoxesReference(int(task_id), **OPTIONS)
    twin.reset()
    for action in actions:
        twin.step(int(action))
    return twin.is_dead_end


def test_shares_are_what_the_twin_says_of_each_episode(evaluation):
    found = count_dead_ends(FAMILY, evaluation, LEARNER, keep_every=KEEP_EVERY, seed=0)
    actions = evaluation.trajectories.action
    expected = [
        [[is_dead_end(task, actions[task, s, e]) for e in range(EPISODES)] for s in range(SEEDS)]
        for task in range(9)
    ]
    np.testing.assert_allclose(found.evaluated, np.mean(expected, axis=(0, 1)))
    assert 0.1 < found.evaluated.mean() < 0.9
    assert found.random == pytest.approx(found.evaluated.mean(), abs=0.15)
    assert found.source_every_kth.shape == (EPISODES,)


def test_family_without_dead_ends_has_none():
    room = tasks.make("dark-room", size=3, episode_length=4)
    played = evaluate(RandomActions(), room, np.arange(3), episodes=2, seeds=1, progress=False)
    assert count_dead_ends(room, played, LEARNER, keep_every=1, seed=0) is None


def test_rows_of_histories_become_episodes_that_end_with_their_last_observation():
    fields = {
        "observation": np.array([[[1], [2], [5], [9]], [[3], [0], [0], [0]]]),
        "next_observation": np.array([[[2], [4], [6], [9]], [[7], [0], [0], [0]]]),
        "episode_step": np.array([[0, 1, 0, 9], [0, 9, 9, 9]]),
    }
    seen = observations_by_episode(fields, np.array([3, 1]), episodes=2, steps=3)
    assert seen[0, :, :, 0].tolist() == [[1, 2, 4, 4], [5, 6, 6, 6]]
    assert seen[1, 0, :, 0].tolist() == [3, 7, 7, 7]


def test_source_that_cannot_learn_the_tasks_is_left_out(evaluation):
    found = count_dead_ends(FAMILY, evaluation, None, keep_every=KEEP_EVERY, seed=0)
    assert found.source_every_kth is None


def test_terminal_and_page_say_how_many(finished_results):
    assert dead_ends_in_rows(finished_results) == {}
    assert dead_end_sentences(finished_results) == []
    some = DeadEnds(
        evaluated=[0.25] * (finished_results.episodes - 5) + [0.1] * 5,
        source_every_kth=[0.05] * finished_results.episodes,
        random=0.3,
    )
    results = finished_results.model_copy(update={"dead_ends": some})
    assert dead_ends_in_rows(results) == {
        "dead ends": "25% of the first, 10% of the last episodes; source, as thinned, 5% of the "
        "last"
    }
    (sentence,) = dead_end_sentences(results)
    assert "25% of the model's first episodes and 10% of those in episodes" in sentence
    assert "5% there of its source's, as thinned for training, and 30% of random ones" in sentence


@pytest.fixture
def finished_results(tmp_path):
    from adfast.runs.files.run_record import read_run
    from report.synthetic_run import write_synthetic_run

    return read_run(write_synthetic_run(tmp_path / "run")).evaluation
