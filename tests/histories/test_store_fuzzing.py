"""Damaged and hostile stores are refused with a message, never crash: a short form.

`make fuzz` goes on for a million inputs; what it found is among the inputs below.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from fuzzing.attempt import attempt, open_bytes
from fuzzing.campaign import fuzz, input_of
from fuzzing.mutations import nested
from fuzzing.seed_stores import StoreBytes, read_corpus, read_folder, write_folder

from adfast.errors import StoreError
from adfast.histories import FieldSchema, create
from adfast.histories import open as open_store
from adfast.histories.manifest import checksum
from adfast.tasks.fields import Field

CORPUS = read_corpus()
DISCRETE, EMPTY, _, PLAIN = CORPUS
FIRST = min(DISCRETE.shards)


def test_corpus_opens(tmp_path):
    for store in CORPUS:
        assert attempt(store)
        assert attempt(store, tmp_path / "store")


def test_mutated_stores_open_or_are_refused_with_a_message():
    counts, findings = fuzz(0, 4000)
    assert findings == []
    # Neither all nor none: the mutations reach what lies behind the first check.
    assert 0.05 < counts["opened"] / counts["executions"] < 0.5
    assert counts["through files"] > 50


def test_input_is_a_function_of_its_number():
    assert input_of(read_corpus(), 0, 17) == input_of(read_corpus(), 0, 17)
    assert input_of(CORPUS, 0, 17) != input_of(CORPUS, 1, 17)


def with_manifest(store: StoreBytes, change) -> StoreBytes:
    """The store with its manifest changed, under a checksum that is right."""
    content = json.loads(store.manifest)
    change(content)
    content.pop("xxh3")
    content["xxh3"] = checksum(content)
    return StoreBytes(json.dumps(content).encode(), store.shards)


def with_offsets(store: StoreBytes, offsets: list[int]) -> StoreBytes:
    """The store with the offsets of its first shard replaced."""
    content = bytearray(store.shards[FIRST])
    begin = 8 + int.from_bytes(content[:8], "little")
    for index, offset in enumerate(offsets):
        at = begin + 8 * index
        content[at : at + 8] = (offset % 2**64).to_bytes(8, "little")
    return StoreBytes(store.manifest, store.shards | {FIRST: bytes(content)})


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (
            with_manifest(PLAIN, lambda m: m["fields"]["pixels"].update(dtype="float128")),
            "dtype of field 'pixels' must be one of bool, .*, got 'float128'",
        ),
        (
            with_manifest(PLAIN, lambda m: m["fields"]["pixels"].update(dtype="9" * 5000)),
            r"got '9+\.\.\. \(5002 characters\)",
        ),
        (
            with_manifest(EMPTY, lambda m: m["transition"].update(num_actions=float("inf"))),
            "num_actions must be a finite number, got inf",
        ),
        (
            with_manifest(EMPTY, lambda m: m["transition"].update(num_actions="5")),
            "num_actions must be an integer of 64 bits, got '5'",
        ),
        (
            with_manifest(PLAIN, lambda m: m["fields"]["pixels"].update(shape=[2**70])),
            "shape must be an integer of 64 bits",
        ),
        (
            with_manifest(PLAIN, lambda m: m["fields"]["pixels"].update(shape=[2**62, 4])),
            "at most 16 axes and 2147483648 bytes",
        ),
        (
            with_manifest(PLAIN, lambda m: m["fields"]["pixels"].update(shape=[1] * 70)),
            "at most 16 axes",
        ),
        (
            with_manifest(PLAIN, lambda m: m.update(num_blocks=nested(800))),
            "nested too deeply",
        ),
        (
            with_manifest(PLAIN, lambda m: m["fields"].update({"x" * 70000: m["fields"]["flag"]})),
            "field names must be identifiers of at most 100 characters",
        ),
        (
            with_manifest(PLAIN, lambda m: m["blocks"][0]["metadata"].update({"9" * 5000: 1})),
            r"metadata names must be identifiers, got '9+\.\.\. \(5002 characters\)",
        ),
        (with_manifest(PLAIN, lambda m: m.update({"\ud800": 1})), r'unknown setting "\\ud800"'),
        (with_manifest(PLAIN, lambda m: m.update({"x" * 70000: 1})), r"\(70000 characters\)"),
        (
            with_manifest(PLAIN, lambda m: m.update(blocks=[{}] * 3)),
            r"blocks\[0\]\.block must be there.* and \d+ more",
        ),
        # Differences of these numbers are all positive, where 64 bits are all there is.
        (with_offsets(DISCRETE, [0, 2**63 - 1, -(2**63) + 5, 12]), "offsets must increase"),
    ],
)
def test_what_was_found_is_refused(store, message):
    with pytest.raises(StoreError, match=message) as caught:
        open_bytes(store)
    assert "store" in str(caught.value)
    assert not attempt(store)


def test_episode_starts_that_lie_outside_the_history_are_not_followed(tmp_path):
    """Contents are checked by `verify` alone: until then a draw passes over what cannot be."""
    schema = FieldSchema({"episode_step": Field(np.dtype(np.uint16))})
    with create(tmp_path / "store", schema, num_blocks=1) as writer:
        writer.append_block(0, {"episode_step": np.arange(40, dtype=np.uint16) % 4}, np.array([40]))
    shard = tmp_path / "store" / "block-000000.safetensors"
    content = bytearray(shard.read_bytes())
    begin = content.index(np.arange(0, 40, 4, dtype=np.uint64).tobytes())
    for index in (1, 2, 3, 4, 6, 7):  # those that the search for the history's starts passes by
        content[begin + 8 * index : begin + 8 * index + 8] = (10**12).to_bytes(8, "little")
    shard.write_bytes(content)
    store = open_store(tmp_path / "store")
    batch = store.sample(64, 2, seed=0, draw=0, align="episode", return_positions=True)
    assert set(batch["history_offset"].tolist()) == {0, 20, 32, 36}
    packed = store.sample_packed(64, 50, seed=0, draw=0, align="episode", return_positions=True)
    assert set(packed["history_offset"][:, 0].tolist()) == {0, 20, 32, 36}
    with pytest.raises(StoreError, match="xxh3"):
        store.verify()


def test_pipe_in_place_of_a_manifest_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(StoreError, match="this is no adfast manifest"):
        open_store(tmp_path)


def test_pipe_in_place_of_a_shard_is_refused_at_once(tmp_path):
    write_folder(tmp_path / "store", PLAIN)
    assert read_folder(tmp_path / "store") == PLAIN
    shard = tmp_path / "store" / next(iter(PLAIN.shards))
    shard.unlink()
    os.mkfifo(shard)
    with pytest.raises(StoreError, match=r"must have \d+ bytes, got 0"):
        open_store(tmp_path / "store")
