"""Returns to go are those of the plain definition, whatever windows are drawn of them."""

import warnings

import numpy as np
import pytest

from adfast import histories
from adfast.errors import InvalidArgument
from adfast.histories.returns_to_go import RETURN_TO_GO, best_return, with_returns_to_go
from adfast.histories.schema import FieldSchema
from adfast.tasks.fields import Field
from histories.made_histories import SCHEMA, make_block
from reference.returns_to_go import returns_to_go

REAL = FieldSchema(
    {"reward": Field(np.dtype(np.float32)), "episode_step": Field(np.dtype(np.uint16))}
)


def real_store(seed, magnitudes=(1.0,)):
    """Histories of real rewards, in episodes of 1 to 9 steps; some begin within an episode."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 60, 20)
    total = int(lengths.sum())
    steps = np.concatenate([np.arange(n) for n in rng.integers(1, 10, total)])[3 : total + 3]
    rewards = rng.normal(size=total) * rng.choice(magnitudes, total)
    arrays = {"reward": rewards.astype(np.float32), "episode_step": steps.astype(np.uint16)}
    return histories.from_arrays(REAL, arrays, lengths)


def expected(history):
    return returns_to_go(history["reward"].tolist(), history["episode_step"].tolist())


@pytest.mark.parametrize("seed", range(3))
def test_returns_are_the_twins(seed):
    """Bit for bit: both add in float64, from the last step to the first."""
    store = with_returns_to_go(real_store(seed, (1.0, 1e6, 1e30)))
    for number in range(store.num_histories):
        history = store.history(number)
        assert history[RETURN_TO_GO].tolist() == expected(history)


def test_all_else_is_mapped_and_windows_know_what_lies_behind_them(tmp_path):
    rng = np.random.default_rng(0)
    with histories.create(tmp_path / "store", SCHEMA, num_blocks=2) as writer:
        for number in range(2):
            writer.append_block(number, *make_block(rng, 7, 20))
    store = histories.open(tmp_path / "store")
    told = with_returns_to_go(store)
    for before, after in zip(store.blocks, told.blocks, strict=True):
        assert all(after.fields[name] is before.fields[name] for name in before.fields)
    assert told.identity == with_returns_to_go(store).identity != store.identity
    batch = told.sample(32, 3, seed=1, draw=0, return_positions=True)
    for row in range(32):
        history = told.history(batch["history_index"][row])
        first = batch["history_offset"][row]
        assert batch[RETURN_TO_GO][row].tolist() == expected(history)[first : first + 3]


def test_best_return_is_of_whole_episodes():
    store = with_returns_to_go(real_store(4))
    every = [store.history(number) for number in range(store.num_histories)]
    begins = [
        to_go
        for history in every
        for to_go, step in zip(expected(history), history["episode_step"], strict=True)
        if step == 0
    ]
    assert best_return(store.blocks) == max(begins)


def test_rows_without_episodes_or_rewards_are_refused():
    schema = FieldSchema({"reward": REAL.fields["reward"]})
    store = histories.from_arrays(schema, {"reward": np.zeros(3, np.float32)}, np.array([3]))
    with pytest.raises(InvalidArgument, match=r'need a field "reward" and .* got reward'):
        with_returns_to_go(store)


def test_returns_that_are_not_finite_have_no_best():
    arrays = {
        "reward": np.full(3, 3e38, np.float32),
        "episode_step": np.arange(3, dtype=np.uint16),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = with_returns_to_go(histories.from_arrays(REAL, arrays, np.array([3])))
    with pytest.raises(InvalidArgument, match=r"best return of an episode must be finite.*got inf"):
        best_return(store.blocks)
