"""What sampling promises, whoever holds the histories."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from made_histories import SCHEMA, assert_same_batch, make_block, make_rows

from adfast.errors import InvalidArgument, UnknownName
from adfast.histories import FieldSchema, HistoryStore, RingBuffer, create, from_arrays
from adfast.histories import open as open_store
from adfast.tasks.fields import Field


@pytest.fixture
def store() -> HistoryStore:
    rng = np.random.default_rng(5)
    arrays, lengths = make_block(rng, 40, 60)
    return from_arrays(SCHEMA, arrays, lengths)


@pytest.mark.parametrize("align", ["step", "episode"])
def test_ring_and_stores_give_identical_batches(tmp_path, align):
    rng = np.random.default_rng(1)
    blocks = [make_block(rng, 7, 50) for _ in range(3)]
    ring = RingBuffer(SCHEMA, 10, 150)
    with create(tmp_path / "store", SCHEMA, num_blocks=3) as writer:
        for number in (1, 2, 0):
            writer.append_block(number, *blocks[number])
    for number, (arrays, lengths) in enumerate(blocks):
        ring.append_block((np.arange(7) + 3 * number) % 10, arrays, lengths=lengths)
    flat = {name: np.concatenate([arrays[name] for arrays, _ in blocks]) for name in SCHEMA.fields}
    in_memory = from_arrays(SCHEMA, flat, np.concatenate([lengths for _, lengths in blocks]))
    stores = (open_store(tmp_path / "store"), in_memory)
    for draw in range(5):
        for evicted, committed in ((0, None), (0, 9), (5, None), (4, 17)):
            arguments = {
                "seed": 3,
                "draw": draw,
                "align": align,
                "evicted": evicted,
                "committed": committed,
                "return_positions": True,
            }
            for holder in stores:
                assert_same_batch(
                    holder.sample(32, 12, **arguments), ring.sample(32, 12, **arguments)
                )
                assert_same_batch(
                    holder.sample_packed(8, 90, **arguments),
                    ring.sample_packed(8, 90, **arguments),
                )


def test_window_is_the_part_of_the_history_that_it_says(store):
    batch = store.sample(100, 5, seed=0, draw=0, return_positions=True)
    for row, (index, offset) in enumerate(
        zip(batch["history_index"], batch["history_offset"], strict=True)
    ):
        for name, array in store.history(index).items():
            np.testing.assert_array_equal(batch[name][row], array[offset : offset + 5])


def test_draw_depends_on_seed_and_draw_alone(store):
    first = {name: a.copy() for name, a in store.sample(64, 9, seed=1, draw=2).items()}
    store.sample(5, 3, seed=9, draw=9)
    assert_same_batch(store.sample(64, 9, seed=1, draw=2, threads=3), first)
    for other in ({"seed": 2}, {"draw": 3}):
        changed = store.sample(64, 9, **({"seed": 1, "draw": 2} | other))
        assert (changed["observation"] != first["observation"]).any()


@pytest.mark.parametrize("draw", ["sample", "sample_packed"])
@pytest.mark.parametrize("threads", [1, 3])
def test_parts_of_a_batch_are_its_rows(store, draw, threads):
    numbers = {"seed": 1, "draw": 2, "return_positions": True, "threads": threads}
    whole = getattr(store, draw)(64, 9, **numbers)
    for first, last in ((0, 16), (16, 17), (17, 64)):
        part = getattr(store, draw)(last - first, 9, **numbers, first_row=first)
        assert_same_batch(part, {name: array[first:last] for name, array in whole.items()})


def test_every_window_is_equally_likely():
    lengths = np.array([3, 1, 10, 30, 4])
    arrays = make_rows(np.random.default_rng(0), int(lengths.sum()))
    store = from_arrays(SCHEMA, arrays, lengths)
    num_windows = int(np.maximum(lengths - 2, 0).sum())
    batch = store.sample(200 * num_windows, 3, seed=0, draw=0, return_positions=True)
    drawn = batch["history_index"] * 100 + batch["history_offset"]
    values, counts = np.unique(drawn, return_counts=True)
    assert len(values) == num_windows
    chi_square = ((counts - 200) ** 2 / 200).sum()
    assert chi_square < num_windows + 5 * np.sqrt(2 * num_windows)


def test_every_packed_transition_is_equally_likely():
    lengths = np.array([3, 1, 10, 30, 4])
    arrays = make_rows(np.random.default_rng(0), int(lengths.sum()))
    store = from_arrays(SCHEMA, arrays, lengths)
    batch = store.sample_packed(20000, 12, seed=0, draw=0, return_positions=True)
    for token in (0, 5, 11):
        drawn = batch["history_index"][:, token] * 100 + batch["history_offset"][:, token]
        values, counts = np.unique(drawn, return_counts=True)
        assert len(values) == lengths.sum()
        chi_square = ((counts - 20000 / 48) ** 2 / (20000 / 48)).sum()
        assert chi_square < 48 + 5 * np.sqrt(2 * 48)


def test_packed_rows_are_histories_back_to_back(store):
    batch = store.sample_packed(20, 200, seed=0, draw=0, return_positions=True)
    start = batch["document_start"]
    assert start.dtype == np.int32
    assert (start[:, 0] == 0).all()
    token = np.arange(200)
    is_first = start == token
    inside = ~is_first[:, 1:]
    np.testing.assert_array_equal(start[:, 1:][inside], start[:, :-1][inside])
    index, offset = batch["history_index"], batch["history_offset"]
    np.testing.assert_array_equal(index[:, 1:][inside], index[:, :-1][inside])
    np.testing.assert_array_equal(offset[:, 1:][inside], offset[:, :-1][inside] + 1)
    # Whoever ends before the row's end is whole, and who begins within the row begins at 0.
    ends = is_first[:, 1:]
    np.testing.assert_array_equal(
        offset[:, :-1][ends] + 1, np.array(store.lengths)[index[:, :-1][ends]]
    )
    assert (offset[:, 1:][ends] == 0).all()


@pytest.mark.parametrize(
    ("bounds", "drawn"),
    [
        ({"committed": 4}, range(4)),
        ({"evicted": 37}, range(37, 40)),
        ({"evicted": 3, "committed": 6}, range(3, 6)),
        ({"evicted": 39, "committed": 90}, range(39, 40)),
    ],
)
def test_only_histories_between_evicted_and_committed_are_drawn(store, bounds, drawn):
    arguments = {"seed": 0, "draw": 0, "return_positions": True} | bounds
    batch = store.sample(500, 1, **arguments)
    assert set(batch["history_index"]) == set(drawn)
    packed = store.sample_packed(20, 100, **arguments)
    assert set(packed["history_index"].flat) == set(drawn)


def test_chosen_fields_only(store):
    whole = store.sample(8, 5, seed=0, draw=0)
    part = store.sample(8, 5, seed=0, draw=0, fields=["reward", "observation"])
    assert list(part) == ["reward", "observation"]
    assert_same_batch(part, whole)


def test_held_batch_is_never_overwritten(store):
    batch = store.sample(8, 5, seed=0, draw=0)
    view = batch["observation"][2:4, 1:]
    expected = view.copy()
    del batch
    for draw in range(20):
        store.sample(8, 5, seed=0, draw=draw + 1)
    np.testing.assert_array_equal(view, expected)


def test_memory_of_dropped_batches_is_used_again(store):
    addresses = set()
    for draw in range(50):
        batch = store.sample(8, 5, seed=0, draw=draw)
        addresses.add(batch["reward"].ctypes.data)
    assert len(addresses) <= 2


def test_threads_share_no_batch(store):
    def check(seed: int) -> bool:
        for draw in range(200):
            batch = store.sample(8, 5, seed=seed, draw=draw)
            again = store.sample(8, 5, seed=seed, draw=draw, threads=2)
            if not all((batch[name] == again[name]).all() for name in batch):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, range(4)))


def test_out_receives_the_batch(store):
    expected = store.sample_packed(4, 30, seed=0, draw=1)
    out = {name: np.full_like(array, 7) for name, array in expected.items()}
    result = store.sample_packed(4, 30, seed=0, draw=1, out=out)
    assert all(result[name] is out[name] for name in out)
    assert_same_batch(out, expected)


def test_forked_child_overwrites_no_batch_of_its_parent(store):
    store.sample(8, 12, seed=0, draw=0)  # dropped: its memory is idle in parent and child alike
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # to fork is what is tested
        reader, writer = os.pipe()
        child = os.fork()
    if child == 0:  # pragma: no cover
        os.read(reader, 1)
        store.sample(8, 12, seed=0, draw=2)
        os._exit(0)
    held = store.sample(8, 12, seed=0, draw=1)
    before = {name: values.copy() for name, values in held.items()}
    os.write(writer, b"!")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(reader)
    os.close(writer)
    assert_same_batch(held, before)


def test_forked_child_samples_with_threads(store):
    expected = {name: a.copy() for name, a in store.sample(64, 9, seed=1, draw=0).items()}
    store.sample(64, 9, seed=1, draw=0, threads=4)  # the pool of this process has threads now
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # to fork is what is tested
        child = os.fork()
    if child == 0:
        batch = store.sample(64, 9, seed=1, draw=0, threads=4)
        same = all((batch[name] == expected[name]).all() for name in expected)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_wide_items_and_wrapped_windows():
    """Items that are no power of two, longer than a page, in a lane that has wrapped."""
    schema = FieldSchema(
        {"pixels": Field(np.dtype(np.uint8), (37, 41, 3)), "flag": Field(np.dtype(np.bool_))}
    )
    ring = RingBuffer(schema, 1, 30)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 50, 37, 41, 3), dtype=np.uint8)
    flag = pixels[..., 0, 0, 0] > 127
    for rows in (slice(0, 27), slice(27, 50)):
        ring.append_block([0], {"pixels": pixels[:, rows], "flag": flag[:, rows]}, starts=False)
    batch = ring.sample(40, 17, seed=0, draw=0, return_positions=True)
    assert batch["history_offset"].min() == 20
    for row, offset in enumerate(batch["history_offset"]):
        np.testing.assert_array_equal(batch["pixels"][row], pixels[0, offset : offset + 17])
        np.testing.assert_array_equal(batch["flag"][row], flag[0, offset : offset + 17])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 61}, r"length must be at most \d+, the longest history held, got 61"),
        ({"length": 0}, r"length must be an integer in 1\.\.2\*\*31-1, got 0"),
        ({"batch_size": 0}, r"batch_size must be an integer in 1\.\.2\*\*31-1, got 0"),
        ({"batch_size": 2.5}, r"batch_size must be an integer in 1\.\.2\*\*31-1, got 2\.5"),
        ({"seed": -1}, r"seed must be an integer in 0\.\.2\*\*64-1, got -1"),
        ({"draw": 2**64}, "draw must be an integer"),
        ({"first_row": "0"}, "first_row must be an integer"),
        ({"threads": 0}, "threads must be an integer of at least 1, got 0"),
        ({"threads": -1}, "threads must be an integer of at least 1, got -1"),
        ({"align": "start"}, 'align must be "step" or "episode", got \'start\''),
        ({"committed": -1}, r"committed must be an integer in 0\.\.2\*\*64-1, got -1"),
        ({"evicted": -1}, r"evicted must be an integer in 0\.\.2\*\*64-1, got -1"),
        ({"evicted": 5, "committed": 4}, "evicted must not be above committed, got 5 and 4"),
        ({"evicted": 40}, "no history from number 40 on holds a transition"),
        ({"evicted": 4, "committed": 4}, "no history from number 4 on below 4 holds"),
        ({"committed": 0}, "no history among the first 0 holds a transition"),
        ({"fields": []}, "fields must be distinct and not empty"),
        ({"fields": ["action", "action"]}, "fields must be distinct"),
        ({"out": {}}, "out must have exactly the arrays observation.*got none"),
    ],
)
def test_bad_input_is_refused(store, arguments, message):
    valid = {"batch_size": 4, "length": 5, "seed": 0, "draw": 0}
    with pytest.raises(InvalidArgument, match=message):
        store.sample(**(valid | arguments))


def test_unknown_field_names_the_nearest(store):
    with pytest.raises(UnknownName, match='did you mean "reward"'):
        store.sample(4, 5, seed=0, draw=0, fields=["rewards"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda array: array[:2], r'field "action" must have shape \(4, 5\), got \(2, 5\)'),
        (lambda array: array.astype(np.int64), 'field "action" must be .* dtype uint8, got int64'),
        (lambda array: np.asfortranarray(array), r'out\["action"\] must be C-contiguous'),
    ],
)
def test_out_that_does_not_fit_is_refused(store, change, message):
    out = {name: array.copy() for name, array in store.sample(4, 5, seed=0, draw=0).items()}
    out["action"] = change(out["action"])
    with pytest.raises(InvalidArgument, match=message):
        store.sample(4, 5, seed=0, draw=0, out=out)


def test_episode_alignment_needs_episode_steps():
    schema = FieldSchema({"value": Field(np.dtype(np.uint8))})
    store = from_arrays(schema, {"value": np.arange(10, dtype=np.uint8)}, np.array([10]))
    with pytest.raises(InvalidArgument, match='needs an unsigned integer field "episode_step"'):
        store.sample(1, 1, seed=0, draw=0, align="episode")


def test_no_episode_start_with_a_whole_window_says_so():
    arrays = make_rows(np.random.default_rng(0), 20)
    arrays["episode_step"] = np.arange(20, dtype=np.uint16)[::-1].clip(max=5)
    store = from_arrays(SCHEMA, arrays, np.array([20]))
    with pytest.raises(InvalidArgument, match="no episode start is followed by 2 transitions"):
        store.sample(1, 2, seed=0, draw=0, align="episode")
