"""Stores: what was written is what is read, and what is damaged is refused."""

from __future__ import annotations

import gc
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from made_histories import SCHEMA, make_block, make_rows
from safetensors.numpy import load_file

from adfast.errors import InvalidArgument, StoreError
from adfast.histories import FieldSchema, create, from_arrays
from adfast.histories import open as open_store
from adfast.histories.manifest import checksum
from adfast.tasks.fields import Field

NUM_BLOCKS = 3
SHARD = "block-000001.safetensors"


def write_store(path: Path) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """A complete store of three blocks; what it holds."""
    rng = np.random.default_rng(0)
    blocks = [make_block(rng, 5, 40) for _ in range(NUM_BLOCKS)]
    with create(path, SCHEMA, num_blocks=NUM_BLOCKS, description={"family": "made"}) as writer:
        for number, (arrays, lengths) in enumerate(blocks):
            metadata = {
                "task_id": np.arange(5) + 10 * number,
                "algorithm": "annealed" if number else "q-learning",
                "options": {"learning_rate": 0.5, "schedule": [1, number]},
            }
            writer.append_block(number, arrays, lengths, metadata)
    return blocks


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "store"
    return path, write_store(path)


@pytest.fixture
def copy(written, tmp_path) -> Path:
    """A copy of the store that may be damaged."""
    path = tmp_path / "store"
    shutil.copytree(written[0], path)
    return path


def test_store_holds_what_was_written(written):
    path, blocks = written
    store = open_store(path)
    assert store.is_complete
    assert store.schema == SCHEMA
    assert store.path == path
    assert store.description == {"family": "made"}
    assert store.num_histories == 15
    np.testing.assert_array_equal(store.lengths, np.concatenate([lengths for _, lengths in blocks]))
    assert store.num_transitions == store.lengths.sum()
    assert store.num_bytes == store.num_transitions * SCHEMA.bytes_per_transition
    for index in range(15):
        arrays, lengths = blocks[index // 5]
        length = lengths[index % 5]
        history = store.history(index)
        assert list(history) == list(SCHEMA.fields)
        for name, array in history.items():
            np.testing.assert_array_equal(array, arrays[name][index % 5, :length])
            assert array.dtype == SCHEMA.fields[name].dtype
    assert store.verify() == sum(shard.stat().st_size for shard in path.glob("block-*"))


def test_histories_are_read_only_views_of_the_mapped_file(written):
    store = open_store(written[0])
    observation = store.history(7)["observation"]
    assert not observation.flags.owndata
    assert np.shares_memory(observation, store.history(7)["observation"])
    with pytest.raises(ValueError, match="read-only"):
        observation[0] = 0


def test_metadata_is_per_history(written):
    metadata = open_store(written[0]).metadata
    np.testing.assert_array_equal(metadata["block"], np.repeat([0, 1, 2], 5))
    np.testing.assert_array_equal(
        metadata["task_id"], np.concatenate([np.arange(5) + 10 * number for number in range(3)])
    )
    assert metadata["algorithm"].tolist() == ["q-learning"] * 5 + ["annealed"] * 10
    assert metadata["options"][14] == {"learning_rate": 0.5, "schedule": [1, 2]}


def test_shards_are_plain_safetensors_with_aligned_data(written):
    path, blocks = written
    tensors = load_file(path / SHARD)
    arrays, lengths = blocks[1]
    np.testing.assert_array_equal(np.diff(tensors["offsets"]), lengths)
    mask = np.arange(arrays["reward"].shape[1]) < lengths[:, None]
    np.testing.assert_array_equal(tensors["reward"], arrays["reward"][mask])
    np.testing.assert_array_equal(tensors["metadata.task_id"], np.arange(5) + 10)
    np.testing.assert_array_equal(
        tensors["episode_starts"], np.flatnonzero(tensors["episode_step"] == 0)
    )
    header_bytes = int.from_bytes((path / SHARD).read_bytes()[:8], "little")
    assert (header_bytes + 8) % 4096 == 0


def test_flat_and_padded_arrays_give_the_same_store():
    arrays, lengths = make_block(np.random.default_rng(0), 6, 20)
    mask = np.arange(arrays["reward"].shape[1]) < lengths[:, None]
    padded = from_arrays(SCHEMA, arrays, lengths)
    flat = from_arrays(SCHEMA, {name: array[mask] for name, array in arrays.items()}, lengths)
    for index in range(6):
        for name, array in flat.history(index).items():
            np.testing.assert_array_equal(padded.history(index)[name], array)


def test_full_arrays_are_kept_and_not_copied():
    arrays = make_rows(np.random.default_rng(0), 4, 10)
    store = from_arrays(SCHEMA, arrays, np.full(4, 10), {"seed": np.arange(4)}, {"by": "hand"})
    assert np.shares_memory(store.history(2)["action"], arrays["action"])
    assert store.verify() == 0
    assert store.is_complete
    assert store.description == {"by": "hand"}
    assert store.metadata["seed"].tolist() == [0, 1, 2, 3]


def test_fields_of_any_schema_are_stored(tmp_path):
    schema = FieldSchema(
        {
            "pixels": Field(np.dtype(np.float32), (3, 5)),
            "flag": Field(np.dtype(np.bool_)),
            "count": Field(np.dtype(np.int16)),
        }
    )
    rng = np.random.default_rng(0)
    arrays = {
        "pixels": rng.normal(size=(12, 3, 5)).astype(np.float32),
        "flag": rng.random(12) < 0.5,
        "count": rng.integers(-9, 9, 12).astype(np.int16),
    }
    with create(tmp_path / "store", schema, num_blocks=1) as writer:
        writer.append_block(0, arrays, np.array([5, 7]))
    store = open_store(tmp_path / "store")
    assert store.schema == schema
    for name, array in store.history(1).items():
        np.testing.assert_array_equal(array, arrays[name][5:])


def test_opening_does_no_python_work_for_a_history_or_a_transition(tmp_path):
    """Calls grow with the number of blocks alone: so a store of 10^9 transitions opens at once."""
    calls = {}
    for histories, length in ((4, 5), (400, 50)):
        arrays, lengths = make_block(np.random.default_rng(0), histories, length)
        path = tmp_path / str(histories)
        with create(path, SCHEMA, num_blocks=2) as writer:
            for number in range(2):
                writer.append_block(number, arrays, lengths)
        open_store(path)
        gc.collect()  # what others left is not finalised while calls are counted
        gc.disable()
        counted = []
        sys.setprofile(lambda frame, event, argument, counted=counted: counted.append(event))
        try:
            open_store(path)
        finally:
            sys.setprofile(None)
            gc.enable()
        calls[histories] = len(counted)
    assert calls[400] == calls[4]


def test_history_outside_the_store_is_refused(written):
    with pytest.raises(
        InvalidArgument, match=r"history index must be an integer in 0\.\.14, got 15"
    ):
        open_store(written[0]).history(15)


def test_folder_without_store_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(
            StoreError, match=r"no history store: it has no manifest\.json; collect"
        ):
            open_store(path)


def write_equal_blocks(path, numbers, num_blocks):
    """A store of blocks `numbers`, written in this order; all hold the same two histories."""
    arrays, lengths = make_block(np.random.default_rng(0), 2, 9)
    with create(path, SCHEMA, num_blocks=num_blocks) as writer:
        for number in numbers:
            writer.append_block(number, arrays, lengths)


def test_incomplete_store_is_opened_only_on_request(tmp_path):
    write_equal_blocks(tmp_path / "store", (2, 1), num_blocks=4)
    with pytest.raises(
        StoreError, match="incomplete: 2 of 4 blocks are committed; run the command"
    ):
        open_store(tmp_path / "store")
    store = open_store(tmp_path / "store", allow_incomplete=True)
    assert not store.is_complete
    assert store.num_histories == 4
    assert store.metadata["block"].tolist() == [1, 1, 2, 2]


def test_store_without_a_block_opens_and_says_so(tmp_path):
    create(tmp_path / "store", SCHEMA, num_blocks=4).close()
    store = open_store(tmp_path / "store", allow_incomplete=True)
    assert (store.num_histories, store.num_transitions) == (0, 0)
    assert store.metadata["block"].shape == (0,)
    with pytest.raises(InvalidArgument, match="no history holds a transition"):
        store.sample(1, 1, seed=0, draw=0)


@pytest.mark.parametrize("where", [20, 5000, -1])
def test_flipped_bit_is_found(copy, where):
    content = bytearray((copy / SHARD).read_bytes())
    content[where] ^= 0x10
    (copy / SHARD).write_bytes(content)
    with pytest.raises(StoreError, match=f"{SHARD}: damaged: .*delete it and collect again"):
        open_store(copy).verify()


@pytest.mark.parametrize("num_bytes", [0, 100, 4096, -1])
def test_truncated_shard_is_refused_before_it_is_mapped(copy, num_bytes):
    content = (copy / SHARD).read_bytes()
    (copy / SHARD).write_bytes(content[:num_bytes])
    with pytest.raises(StoreError, match=rf"{SHARD}: must have {len(content)} bytes.*got"):
        open_store(copy)


def test_longer_missing_or_swapped_shard_is_refused(copy):
    original = (copy / SHARD).read_bytes()
    (copy / SHARD).write_bytes(original + b"x")
    with pytest.raises(StoreError, match="must have"):
        open_store(copy)
    (copy / SHARD).unlink()
    with pytest.raises(StoreError, match=f"{SHARD}: missing, but the manifest lists it"):
        open_store(copy)
    (copy / SHARD).symlink_to(copy / "manifest.json")
    with pytest.raises(StoreError, match="must have"):
        open_store(copy)


def test_shard_of_another_block_is_refused(tmp_path):
    write_equal_blocks(tmp_path / "store", (0, 1), num_blocks=2)
    shards = [tmp_path / "store" / f"block-00000{number}.safetensors" for number in (0, 1)]
    shutil.copy(shards[0], shards[1])
    with pytest.raises(StoreError, match="its header is not the manifest's"):
        open_store(tmp_path / "store")


def rewrite_manifest(path: Path, change) -> None:
    """Change the manifest's content and make its checksum right again."""
    content = json.loads((path / "manifest.json").read_text())
    change(content)
    content.pop("xxh3", None)
    content["xxh3"] = checksum(content)
    (path / "manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(version=3), "format version 3 is newer than 2.*upgrade adfast"),
        (lambda m: m.update(version="1"), '"version" must be a positive integer'),
        (lambda m: m.update(format="other"), "this is no adfast history store"),
        (lambda m: m.pop("blocks"), "blocks must be there"),
        (lambda m: m.update(colour=1), 'unknown setting "colour"'),
        (
            lambda m: m["blocks"][0].update(block="../../escape"),
            r"blocks\[0\].block must be a whole number",
        ),
        (
            lambda m: m["blocks"][0].update(block=-1),
            r"blocks\[0\].block must be greater than or equal",
        ),
        (lambda m: m["blocks"][0].update(block=10**9), r"blocks\[0\].block must be less than"),
        (lambda m: m["blocks"][0].update(xxh3="../etc/passwd"), r"blocks\[0\].xxh3 must match"),
        (lambda m: m["blocks"][0].update(columns={"task_id": "object"}), "columns.task_id"),
        (lambda m: m["blocks"].reverse(), "block numbers must increase and stay below 3"),
        (lambda m: m.update(num_blocks=2), "block numbers must increase and stay below 2"),
        (lambda m: m["blocks"][1].update(transitions=10**15), "must have .* bytes"),
        (lambda m: m["blocks"][1].update(histories=2**62), "must have .* bytes"),
        (lambda m: m["fields"]["reward"].update(dtype="object"), "schema is not valid"),
        (lambda m: m["fields"]["reward"].update(dtype="uint16"), "schema is not valid"),
        (lambda m: m["fields"]["reward"].update(shape=[-1]), "schema is not valid"),
        (lambda m: m["transition"].pop("num_actions"), "schema is not valid"),
        (lambda m: m["transition"].update(num_actions="many"), "schema is not valid"),
    ],
)
def test_manifest_that_breaks_a_rule_is_refused(copy, change, message):
    rewrite_manifest(copy, change)
    with pytest.raises(StoreError, match=message):
        open_store(copy)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": "adfast-histories"}']
)
def test_manifest_that_is_none_is_refused(copy, content):
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(StoreError, match="manifest"):
        open_store(copy)


def test_no_flipped_bit_of_a_manifest_goes_unnoticed(copy):
    original = (copy / "manifest.json").read_bytes()
    expected = json.loads(original)
    rng = np.random.default_rng(0)
    for position in rng.choice(len(original), 150, replace=False):
        content = bytearray(original)
        content[position] ^= 1 << int(rng.integers(8))
        (copy / "manifest.json").write_bytes(content)
        try:
            open_store(copy)
        except StoreError:
            continue
        assert json.loads(bytes(content)) == expected


def test_offsets_that_do_not_increase_are_refused(copy):
    content = bytearray((copy / SHARD).read_bytes())
    header_bytes = 8 + int.from_bytes(content[:8], "little")
    content[header_bytes + 8 : header_bytes + 16] = (-5).to_bytes(8, "little", signed=True)
    (copy / SHARD).write_bytes(content)
    with pytest.raises(StoreError, match=f"{SHARD}: damaged: offsets must increase from 0"):
        open_store(copy)
