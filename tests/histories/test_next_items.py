"""Large observations are kept once, by store, ring and recording alike, and nothing is lost."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_histories import assert_same_batch

from adfast import histories
from adfast.errors import InvalidArgument, StoreError, UnknownName
from adfast.histories import next_items
from adfast.histories.manifest import FILE_NAME, checksum
from adfast.histories.next_items import KeptItems
from adfast.histories.rearranged import shuffled_episodes
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from reference.next_items import kept_rows, next_observation_of
from reference.ring_buffer import RingBufferReference

SHAPE = (24, 24, 1)
PICTURES = TransitionSchema(RealObservation("uint8", SHAPE), num_actions=3, episode_length=50)
FRAME_BYTES = 24 * 24


def make_pictures(rng, num_histories, max_length, mean_episode=5):
    """Padded arrays of histories in which a row shows what the one before came to, and lengths."""
    rows = PICTURES.allocate(num_histories, max_length)
    for name, field in PICTURES.fields.items():
        bound = 256 if field.sizes is None else field.sizes[0]
        rows[name][:] = rng.integers(0, bound, rows[name].shape)
    ends = rng.random((num_histories, max_length)) < 1 / mean_episode
    rows["boundary"][:] = ends
    rows["next_observation"][:, :-1] = np.where(
        ends[:, :-1, None, None, None],
        rows["next_observation"][:, :-1],
        rows["observation"][:, 1:],
    )
    for h in range(num_histories):
        step = 0
        for t in range(max_length):
            rows["episode_step"][h, t] = step
            step = 0 if ends[h, t] or step == 49 else step + 1
    return rows, rng.integers(1, max_length + 1, num_histories)


@given(seed=st.integers(0, 2**32), num_rows=st.integers(1, 12), dtype=st.sampled_from("Bef"))
@settings(deadline=None, max_examples=40)
def test_what_is_kept_is_what_its_definition_says(seed, num_rows, dtype):
    rng = np.random.default_rng(seed)
    values = np.array([0, 1] if dtype == "B" else [0.0, -0.0, 1.0], dtype)  # equal is not the same
    observation, next_observation = rng.choice(values, (2, num_rows, 1, 2))
    kept = next_items.keep_items(observation, next_observation)
    rows = kept_rows(observation, next_observation)
    assert kept.rows.tolist() == rows
    for chosen in (slice(num_rows // 3, num_rows), rng.random(num_rows) < 0.5, np.arange(num_rows)):
        found = next_items.next_items(observation, kept, chosen)
        assert found.tobytes() == next_observation[chosen].tobytes()
    for row in range(num_rows):
        item = next_observation_of(row, observation, rows, kept.items)
        assert item.tobytes() == next_observation[row].tobytes()


def test_chunks_of_rows_are_compared_up_to_their_edges(monkeypatch):
    observation = np.arange(20, dtype=np.uint8)[:, None]
    next_observation = np.roll(observation, -1, axis=0)
    next_observation[[3, 4, 11]] = 99
    monkeypatch.setattr(next_items, "CHUNK_BYTES", 4)
    assert next_items.keep_items(observation, next_observation).rows.tolist() == [3, 4, 11, 19]


def test_only_large_observations_are_kept_once():
    at_least = next_items.LEAST_BYTES
    for size, is_once in ((at_least, True), (at_least - 1, False)):
        schema = TransitionSchema(RealObservation("uint8", (size,)), 2, 5)
        assert next_items.is_kept_once(schema.fields) is is_once
    assert not next_items.is_kept_once({"observation": PICTURES.fields["observation"]})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A store of pictures in three blocks, and the arrays and lengths of each."""
    path = tmp_path_factory.mktemp("pictures") / "store"
    blocks = [make_pictures(np.random.default_rng(number), 4, 60) for number in range(3)]
    with histories.create(path, PICTURES, num_blocks=3) as writer:
        for number, (arrays, lengths) in enumerate(blocks):
            writer.append_block(number, arrays, lengths, {"task_id": np.arange(4)})
    return path, blocks


def whole_histories(blocks):
    """The rows of each history, in order."""
    for arrays, lengths in blocks:
        for h, length in enumerate(lengths):
            yield {name: values[h, :length] for name, values in arrays.items()}


def reference_of(blocks):
    """The twin of a store of `blocks`."""
    twin = RingBufferReference(PICTURES.fields, 1, 10**9)
    for history in whole_histories(blocks):
        twin.append_block([0], {name: values[None] for name, values in history.items()})
    return twin


def test_histories_read_back_are_those_written(written):
    path, blocks = written
    store = histories.open(path)
    store.verify()
    for index, expected in enumerate(whole_histories(blocks)):
        history = store.history(index)
        assert list(history) == list(PICTURES.fields)
        for name, values in expected.items():
            np.testing.assert_array_equal(history[name], values, err_msg=name)
    assert list(store.history(0, ["reward"])) == ["reward"]
    with pytest.raises(UnknownName, match="field"):
        store.history(0, ["rewards"])
    with pytest.raises(InvalidArgument, match="names must be a list"):
        store.history(0, "reward")


def test_a_transition_takes_little_more_than_a_frame(tmp_path):
    arrays, lengths = make_pictures(np.random.default_rng(0), 4, 500, mean_episode=100)
    lengths[:] = 500
    with histories.create(tmp_path / "store", PICTURES, num_blocks=1) as writer:
        writer.append_block(0, arrays, lengths)
    store = histories.open(tmp_path / "store")
    shard = tmp_path / "store" / "block-000000.safetensors"
    assert store.num_bytes < shard.stat().st_size < 1.05 * FRAME_BYTES * 2000


@pytest.mark.parametrize("align", ["step", "episode"])
@pytest.mark.parametrize("threads", [1, 3])
def test_windows_of_store_and_ring_are_those_of_the_twin(written, align, threads):
    path, blocks = written
    twin = reference_of(blocks)
    ring = histories.RingBuffer(PICTURES, num_lanes=12, capacity=60)
    for number, (arrays, lengths) in enumerate(blocks):
        ring.append_block(range(4 * number, 4 * number + 4), arrays, lengths=lengths)
    options = {"seed": 3, "align": align, "threads": threads, "return_positions": True}
    for source in (histories.open(path), ring):
        for draw in range(3):
            whole = source.sample(5, 4, draw=draw, **options)
            expected = twin.sample(5, 4, seed=3, draw=draw, align=align)
            expected |= {name: expected[name][:, 0] for name in ("history_index", "history_offset")}
            assert_same_batch(whole, expected)
            packed = source.sample_packed(3, 90, draw=draw, **options)
            assert_same_batch(packed, twin.sample_packed(3, 90, seed=3, draw=draw, align=align))


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=15)
def test_ring_that_is_overwritten_row_by_row_and_by_block_is_its_twin(seed):
    rng = np.random.default_rng(seed)
    num_lanes, capacity = 3, int(rng.integers(5, 40))
    ring = histories.RingBuffer(PICTURES, num_lanes, capacity)
    twin = RingBufferReference(PICTURES.fields, num_lanes, capacity)
    for _ in range(12):
        count = int(rng.integers(1, capacity + 1))
        arrays, _ = make_pictures(rng, num_lanes, count, mean_episode=3)
        if rng.random() < 0.5:
            starts = rng.random(num_lanes) < 0.3
            ring.append_block(range(num_lanes), arrays, starts=starts)
            twin.append_block(range(num_lanes), arrays, starts=starts)
        else:
            for t in range(count):
                rows = {name: values[:, t] for name, values in arrays.items()}
                ring.append(rows)
                twin.append(rows)
            ring.flush()
            twin.flush()
        window = int(rng.integers(1, 4))
        if twin.candidates(window):
            expected = twin.sample(4, window, seed=seed, draw=1)
            assert_same_batch(ring.sample(4, window, seed=seed, draw=1), expected)


def test_ring_holds_no_second_column():
    ring = histories.RingBuffer(PICTURES, num_lanes=2, capacity=1000)
    assert ring.num_bytes < 1.05 * FRAME_BYTES * 2000


def test_stores_of_before_are_read_gone_on_with_and_mixed(tmp_path, monkeypatch):
    blocks = [make_pictures(np.random.default_rng(number), 4, 60) for number in range(2)]
    path = tmp_path / "store"
    monkeypatch.setattr(next_items, "LEAST_BYTES", 10**9)  # as before
    with histories.create(path, PICTURES, num_blocks=2) as writer:
        writer.append_block(0, *blocks[0])
    manifest = json.loads((path / FILE_NAME).read_bytes())
    assert manifest["version"] == 1
    assert "kept" not in manifest["blocks"][0]
    monkeypatch.undo()
    with histories.create(path, PICTURES, num_blocks=2) as writer:
        writer.append_block(1, *blocks[1])
    assert json.loads((path / FILE_NAME).read_bytes())["version"] == 2
    store = histories.open(path)
    store.verify()
    assert [block.kept_rows is None for block in store.blocks] == [True, False]
    expected = reference_of(blocks).sample(8, 5, seed=0, draw=0)
    assert_same_batch(store.sample(8, 5, seed=0, draw=0), expected)


def test_histories_that_are_thinned_chosen_or_shuffled_stay_whole(written, tmp_path):
    path, _ = written
    store = histories.open(path)
    thinned = histories.thin(store, tmp_path / "thin", keep_every=2)
    for index in range(store.num_histories):
        whole, thin = store.history(index), thinned.history(index)
        kept = np.isin(np.arange(len(whole["reward"])), rows_of_every_second_episode(whole))
        for name, values in whole.items():
            np.testing.assert_array_equal(thin[name], values[kept], err_msg=name)
    shuffled = shuffled_episodes(store, seed=1)
    for index in range(store.num_histories):
        before, after = store.history(index), shuffled.history(index)
        pairs = [
            {(o.tobytes(), n.tobytes()) for o, n in zip(*both, strict=True)}
            for both in (
                (before["observation"], before["next_observation"]),
                (after["observation"], after["next_observation"]),
            )
        ]
        assert pairs[0] == pairs[1]


def rows_of_every_second_episode(history):
    """The rows of episodes 0, 2, 4, ... of a history; what it begins with is episode 0."""
    begins = history["episode_step"] == 0
    begins[0] = True
    return np.flatnonzero((np.cumsum(begins) - 1) % 2 == 0)


def test_kept_items_of_a_recording_are_checked(tmp_path):
    real = TransitionSchema(RealObservation("float32", (200,)), 2, 5)
    rows = real.allocate(3)
    for values in rows.values():
        values[:] = 0
    items = np.full((1, 200), np.nan, np.float32)
    rows["next_observation"] = KeptItems(np.array([2], np.uint64), items)
    with (
        histories.create(tmp_path / "store", real) as writer,
        pytest.raises(InvalidArgument, match=r"next_observation.*row 2"),
    ):
        writer.append_block(0, rows, np.array([3]))


def damage(path, name, change):
    """Change a tensor of a store's first shard where it lies."""
    shard = path / "block-000000.safetensors"
    content = bytearray(shard.read_bytes())
    size = int.from_bytes(content[:8], "little") + 8
    begin, end = json.loads(content[8:size])[name]["data_offsets"]
    values = np.frombuffer(bytes(content[size + begin : size + end]), np.uint64).copy()
    change(values)
    content[size + begin : size + end] = values.tobytes()
    shard.write_bytes(content)


@pytest.mark.parametrize("row", [0, 1, -1])
def test_damaged_rows_are_refused(tmp_path, row):
    with histories.create(tmp_path / "store", PICTURES, num_blocks=1) as writer:
        writer.append_block(0, *make_pictures(np.random.default_rng(0), 4, 60))
    damage(tmp_path / "store", "next_observation.rows", lambda rows: rows.put(row, 2**63))
    with pytest.raises(StoreError, match=r"next_observation.rows must increase to"):
        histories.open(tmp_path / "store")


def test_manifest_that_keeps_observations_of_another_kind_once_is_refused(tmp_path):
    path = tmp_path / "store"
    schema = histories.FieldSchema({"reward": PICTURES.fields["reward"]})
    with histories.create(path, schema, num_blocks=1) as writer:
        writer.append_block(0, {"reward": np.zeros(3, np.uint8)}, np.array([3]))
    content = json.loads((path / FILE_NAME).read_bytes())
    del content["xxh3"]
    content["version"], content["blocks"][0]["kept"] = 2, 1
    content["xxh3"] = checksum(content)
    (path / FILE_NAME).write_text(json.dumps(content))
    with pytest.raises(StoreError, match="observations are of another kind"):
        histories.open(path)
