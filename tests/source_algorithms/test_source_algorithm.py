"""What every source algorithm keeps: histories that depend on nothing beside them."""

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest
from numba.extending import register_jitable

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument, UnknownName
from adfast.random_draws import bounded, subkey
from adfast.simulators import BatchSimulator
from adfast.tasks.gridworlds.dark_room import DarkRoom
from reference.dark_room import VARIANTS

EPISODES = 40
NUM_HISTORIES = 30


@pytest.fixture(scope="module")
def family():
    return tasks.make("dark-room", **VARIANTS["terminating"])


def learn(family, ids, *, seed=1, keep_every=1, fill=255, name="q-learning"):
    """Histories of task id modulo the number of tasks in random stream id, and their lengths."""
    capacity = -(-EPISODES // keep_every) * family.episode_length
    out = family.transition_schema.allocate(len(ids), capacity)
    for array in out.values():
        array.fill(fill)
    algorithm = source_algorithms.make(name)
    task_ids = np.asarray(ids) % family.num_tasks
    lengths = algorithm.learn(
        family, task_ids, np.asarray(ids), EPISODES, seed, out, keep_every=keep_every
    )
    return out, lengths


@pytest.fixture(scope="module")
def histories(family):
    return learn(family, np.arange(NUM_HISTORIES))


@pytest.mark.parametrize("block_size", [1, 7, 30])
@pytest.mark.parametrize("num_threads", [1, 4])
def test_blocks_and_threads_change_no_byte(family, histories, block_size, num_threads):
    blocks = [
        np.arange(first, min(first + block_size, NUM_HISTORIES))
        for first in range(0, NUM_HISTORIES, block_size)
    ]
    with ThreadPoolExecutor(num_threads) as pool:
        parts = list(pool.map(lambda ids: learn(family, ids), blocks))
    whole, lengths = histories
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), lengths)
    for name, array in whole.items():
        assert np.concatenate([part[0][name] for part in parts]).tobytes() == array.tobytes()


def test_learning_lets_other_threads_run(family):
    algorithm = source_algorithms.make("q-learning")
    ids = np.arange(200)
    with ThreadPoolExecutor(1) as pool:
        learning = pool.submit(algorithm.returns, family, ids % 25, ids, 2000, 0)
        turns = 0
        while not learning.done():
            turns += 1
    assert turns > 1000  # a kernel that holds the GIL allows a handful


@pytest.mark.parametrize("name", ["q-learning", "annealed-expert"])
def test_order_and_repeated_tasks_change_nothing(family, name):
    ids = np.array([4, 29, 29, 4, 0, 25, 50])
    whole, lengths = learn(family, ids, name=name)
    for h, stream in enumerate(ids):
        alone, length = learn(family, [stream], name=name)
        assert length[0] == lengths[h]
        for field, array in whole.items():
            np.testing.assert_array_equal(array[h], alone[field][0])


def test_rows_beyond_a_history_are_untouched(family, histories):
    out, lengths = histories
    assert (lengths < EPISODES * family.episode_length).all()
    beyond = np.arange(EPISODES * family.episode_length) >= lengths[:, None]
    assert all((array[beyond] == 255).all() for array in out.values())


class SlipperyRoom(DarkRoom):
    """A Dark Room where every other step, by chance, goes astray."""

    name = "slippery-room"
    has_random_steps: ClassVar[bool] = True

    @property
    def step(self):
        firm_step = super().step

        @register_jitable
        def step(task, state, action, key):
            astray = bounded(key, 2)
            return firm_step(task, state, bounded(subkey(key, 0), 5) if astray else action, key)

        return step


@pytest.mark.parametrize("slippery", [False, True])
def test_simulator_replays_a_history(family, slippery):
    if slippery:
        family = SlipperyRoom(size=5, start="random", terminate_at_goal=True)
    out, lengths = learn(family, np.arange(NUM_HISTORIES))
    simulator = BatchSimulator(family, np.arange(NUM_HISTORIES) % family.num_tasks, seed=1)
    observation = simulator.reset()
    for t in range(lengths.min()):
        np.testing.assert_array_equal(out["observation"][:, t], observation)
        result = simulator.step(out["action"][:, t])
        observation = result.observation
        np.testing.assert_array_equal(out["next_observation"][:, t], result.final_observation)
        np.testing.assert_array_equal(out["reward"][:, t], result.reward)
        boundary = result.terminated * 1 + result.truncated * 2
        np.testing.assert_array_equal(out["boundary"][:, t], boundary)


def test_episode_step_counts_within_each_episode(family, histories):
    out, lengths = histories
    for h, length in enumerate(lengths):
        steps, ended = out["episode_step"][h, :length], out["boundary"][h, :length] != 0
        starts = np.concatenate([[True], ended[:-1]])
        np.testing.assert_array_equal(steps == 0, starts)
        assert (np.diff(steps.astype(int))[~ended[:-1]] == 1).all()
        assert ended.sum() == EPISODES
        assert ended[-1]


@pytest.mark.parametrize("keep_every", [2, 7, 40, 41])
def test_kept_episodes_are_every_kth_of_the_whole_history(family, histories, keep_every):
    whole, lengths = histories
    kept, kept_lengths = learn(family, np.arange(NUM_HISTORIES), keep_every=keep_every)
    for h, length in enumerate(lengths):
        ended = whole["boundary"][h, :length] != 0
        episode = np.concatenate([[0], np.cumsum(ended)[:-1]])
        for name, array in whole.items():
            expected = array[h, :length][episode % keep_every == 0]
            assert kept_lengths[h] == len(expected)
            np.testing.assert_array_equal(kept[name][h, : len(expected)], expected)


def test_returns_are_the_sums_of_rewards(family, histories):
    out, lengths = histories
    ids = np.arange(NUM_HISTORIES)
    returns = source_algorithms.make("q-learning").returns(
        family, ids % family.num_tasks, ids, EPISODES, 1
    )
    assert returns.shape == (NUM_HISTORIES, EPISODES)
    for h, length in enumerate(lengths):
        assert returns[h].sum() == out["reward"][h, :length].sum()


def test_seed_changes_the_histories(family, histories):
    other, _ = learn(family, np.arange(NUM_HISTORIES), seed=2)
    assert not np.array_equal(other["action"], histories[0]["action"])


def test_no_history_is_no_error(family):
    _, lengths = learn(family, np.array([], int))
    assert lengths.shape == (0,)


def refused(message):
    return pytest.raises(InvalidArgument, match=message)


def test_bad_arguments_are_refused(family):
    algorithm = source_algorithms.make("q-learning")
    schema = family.transition_schema
    ids = np.arange(3)
    out = schema.allocate(3, 100)
    with refused(r"out must hold 120 transitions per history \(6 kept episodes of 20\), got 100"):
        algorithm.learn(family, ids, ids, 6, 0, out)
    with refused(r"episodes must be an integer in 1\.\.2\*\*31-1, got 0"):
        algorithm.learn(family, ids, ids, 0, 0, out)
    with refused(r"keep_every must be an integer in 1\.\.2\*\*31-1, got 0"):
        algorithm.learn(family, ids, ids, 5, 0, out, keep_every=0)
    with refused(r"one entry for each of the task_ids \(3,\), got shape \(2,\)"):
        algorithm.learn(family, ids, ids[:2], 5, 0, out)
    with refused(r"task_ids of dark-room must be in 0\.\.24, got 25"):
        algorithm.learn(family, [0, 1, 25], ids, 5, 0, out)
    with refused("out must have the fields"):
        algorithm.learn(family, ids, ids, 5, 0, {"action": out["action"]})
    with refused(
        r'out\["reward"\] must be writeable C-contiguous uint8 of shape \(3, 100\), got float32'
    ):
        algorithm.learn(family, ids, ids, 5, 0, {**out, "reward": out["reward"].astype(np.float32)})
    with refused(r'out\["action"\] must be writeable C-contiguous'):
        strided = {name: array[:, ::2] for name, array in schema.allocate(3, 200).items()}
        algorithm.learn(family, ids, ids, 5, 0, {**strided, "observation": out["observation"]})


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownName, match='unknown source algorithm "q-lerning"; did you mean "q-'):
        source_algorithms.make("q-lerning")
    with pytest.raises(UnknownName, match='setting "learningrate"; did you mean "learning_rate"'):
        source_algorithms.make("q-learning", learningrate=0.5)


def test_learner_beyond_all_memory_is_refused_with_its_bytes():
    family = tasks.make("dark-house", size=4096, rooms=65536)
    message = r"q-learning would hold 5,497,558,138,880 values of dark-house, 40,960 GiB for each"
    with pytest.raises(InvalidArgument, match=message):
        source_algorithms.make("q-learning").check(family)
    with pytest.raises(InvalidArgument, match=r"at most 33554432, but dark-house .* has"):
        source_algorithms.make("optimal").check(family)


def test_memory_is_counted_for_what_is_read():
    family = tasks.make("dark-room", **VARIANTS["hard"])  # its states know whether it was paid
    for reads, inputs in (("observation", 17 * 17), ("state", 17 * 17 * 2)):
        algorithm = source_algorithms.make("q-learning", reads=reads)
        assert algorithm.memory_bytes(family) == inputs * 5 * 8
    large = tasks.make("dark-room", size=4096, reward="once")
    source_algorithms.make("q-learning").check(large)
    with pytest.raises(
        InvalidArgument, match=r"q-learning would hold 167,772,160 values of dark-r"
    ):
        source_algorithms.make("q-learning", reads="state").check(large)


def test_history_longer_than_a_random_stream_is_refused():
    family = tasks.make("dark-room", episode_length=2**31 - 1)
    with pytest.raises(InvalidArgument, match=r"must be at most 2\*\*32, .* got 3 episodes"):
        source_algorithms.make("q-learning").returns(family, [0], [0], 3, 0)
