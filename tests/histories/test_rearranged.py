"""Shuffled episodes and foreign rewards are those of the plain definition."""

import numpy as np
import pytest

from adfast import histories
from adfast.errors import InvalidArgument
from adfast.histories.rearranged import foreign_rewards, shuffled_episodes
from histories.made_histories import SCHEMA, make_block
from reference import rearranged


def made_store(path, tasks=4, seed=0):
    """Two blocks of histories of several lengths, on disk."""
    rng = np.random.default_rng(seed)
    with histories.create(path, SCHEMA, num_blocks=2) as writer:
        for number in range(2):
            rows, lengths = make_block(rng, 7, 20)
            writer.append_block(number, rows, lengths, {"task_id": rng.integers(0, tasks, 7)})
    return histories.open(path)


def as_lists(history):
    return {name: values.tolist() for name, values in history.items()}


def test_shuffled_episodes_are_the_twins(tmp_path):
    store = made_store(tmp_path / "store")
    shuffled = shuffled_episodes(store, 5)
    for number in range(store.num_histories):
        expected = rearranged.shuffled(as_lists(store.history(number)), number, 5)
        assert as_lists(shuffled.history(number)) == expected
    assert shuffled.metadata["task_id"].tolist() == store.metadata["task_id"].tolist()
    other = shuffled_episodes(store, 6)
    assert other.identity != shuffled.identity != store.identity


def test_windows_begin_with_episodes_of_the_new_order(tmp_path):
    shuffled = shuffled_episodes(made_store(tmp_path / "store"), 5)
    batch = shuffled.sample(64, 3, seed=1, draw=0, align="episode", return_positions=True)
    assert (batch["episode_step"][:, 0] == 0).all()
    for row in range(64):
        history = shuffled.history(batch["history_index"][row])
        first = batch["history_offset"][row]
        np.testing.assert_array_equal(batch["reward"][row], history["reward"][first : first + 3])


def test_foreign_rewards_are_the_twins_and_all_else_is_mapped(tmp_path):
    store = made_store(tmp_path / "store")
    given, tasks = foreign_rewards(store, 5), store.metadata["task_id"]
    for number in range(store.num_histories):
        giver = rearranged.donor(tasks.tolist(), number, 5)
        assert tasks[giver] != tasks[number]
        expected = rearranged.with_rewards_of(
            as_lists(store.history(number)), as_lists(store.history(giver))
        )
        assert as_lists(given.history(number)) == expected
    for before, after in zip(store.blocks, given.blocks, strict=True):
        assert after.fields["action"] is before.fields["action"]


def test_foreign_rewards_need_two_tasks(tmp_path):
    with pytest.raises(InvalidArgument, match="at least two tasks, got one"):
        foreign_rewards(made_store(tmp_path / "store", tasks=1), 5)
    rows, lengths = make_block(np.random.default_rng(0), 3, 9)
    unknown = histories.from_arrays(SCHEMA, rows, lengths)
    with pytest.raises(InvalidArgument, match='metadata have "task_id"'):
        foreign_rewards(unknown, 5)
