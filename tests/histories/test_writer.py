"""The commit protocol: what is acknowledged stays, whatever interrupts the writing."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_histories import SCHEMA, make_block

from adfast.errors import InUse, InvalidArgument, StoreError, WriteError
from adfast.histories import FieldSchema, HistoryWriter, create
from adfast.histories import open as open_store
from adfast.tasks.fields import Field
from killed_process import KILLS, Worker, kill_at_random

NUM_BLOCKS = 30
DESCRIPTION = {"family": "made", "split": {"held_out": [1, 2]}}


def resume(path: Path) -> HistoryWriter:
    return create(path, SCHEMA, num_blocks=NUM_BLOCKS, description=DESCRIPTION)


def made_block(number: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return make_block(np.random.default_rng(number), 50, 2000)


def write_blocks(acknowledge, path: Path) -> None:
    """Append the blocks that are missing, and say so after each."""
    with resume(path) as writer:
        for number in range(NUM_BLOCKS):
            if number not in writer.finished_blocks:
                writer.append_block(number, *made_block(number), {"number": number})
                acknowledge(number)


@pytest.mark.faults
def test_killed_writer_loses_nothing_it_acknowledged(memory_folder, fault_trials, count_faults):
    worker = Worker(write_blocks)
    worker.run(memory_folder / "uninterrupted")
    whole = {
        entry.name: entry.read_bytes() for entry in (memory_folder / "uninterrupted").iterdir()
    }

    def check(path, acknowledged, is_finished):
        if not acknowledged and not (path / "manifest.json").exists():
            return
        store = open_store(path, allow_incomplete=True)
        assert set(acknowledged) <= set(store.metadata["block"].tolist())
        store.verify()
        assert store.is_complete or not is_finished
        if is_finished:
            files = {entry.name: entry.read_bytes() for entry in path.iterdir()}
            assert files == whole

    kills = KILLS * fault_trials
    kill_at_random(worker, memory_folder, (), check, kills=kills, acknowledgements=3, delay=0.012)
    count_faults("store's writer killed at a random moment", kills)


def test_writer_clears_what_no_manifest_lists(tmp_path):
    with resume(tmp_path) as writer:
        writer.append_block(3, *made_block(3))
    orphan = tmp_path / "block-000004.safetensors"
    temporary = tmp_path / ".block-000005.safetensors.tmp"
    for leftover in (orphan, temporary):
        leftover.write_bytes(b"half")
    open_store(tmp_path, allow_incomplete=True).verify()
    with resume(tmp_path) as writer:
        assert writer.finished_blocks == {3}
    assert not orphan.exists()
    assert not temporary.exists()


def test_deleted_shard_is_regenerated(tmp_path):
    with resume(tmp_path) as writer:
        for number in (0, 1):
            writer.append_block(number, *made_block(number))
    (tmp_path / "block-000000.safetensors").unlink()
    with resume(tmp_path) as writer:
        assert writer.finished_blocks == {1}
        writer.append_block(0, *made_block(0))
    assert open_store(tmp_path, allow_incomplete=True).num_histories == 100


def test_second_writer_is_refused_until_the_first_is_closed(tmp_path):
    with resume(tmp_path), pytest.raises(InUse, match="another writer has this store open"):
        resume(tmp_path)
    resume(tmp_path).close()


def test_writer_in_another_process_is_refused(tmp_path):
    script = (
        "import sys; from adfast.errors import InUse\n"
        "from adfast.histories import create\n"
        "sys.path.insert(0, sys.argv[2]); from made_histories import SCHEMA\n"
        "try:\n    create(sys.argv[1], SCHEMA)\nexcept InUse as error:\n    print(error)\n"
    )
    with create(tmp_path / "store", SCHEMA):
        command = [
            sys.executable,
            "-c",
            script,
            str(tmp_path / "store"),
            str(Path(__file__).parent),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "another writer has this store open" in result.stdout


def use_in_forked_child(acknowledge, folder):
    """The parent goes on with its writer after a child tried to use it and closed it."""
    with create(folder, SCHEMA) as writer:
        writer.append_block(0, *made_block(0))
        child = os.fork()
        if child == 0:
            for use in (lambda: writer.append_block(1, *made_block(1)), writer.finish):
                try:
                    use()
                except InvalidArgument as error:
                    acknowledge(str(error))
            writer.close()
            os._exit(0)
        os.waitpid(child, 0)
        try:
            create(folder, SCHEMA)
        except InUse:
            acknowledge("locked")
        writer.append_block(1, *made_block(2))
        writer.finish()


def test_writer_is_of_no_use_in_a_forked_child(tmp_path):
    *refused, locked = Worker(use_in_forked_child).run(tmp_path)
    assert locked == "locked"
    assert len(refused) == 2
    assert all("not in forked children" in message for message in refused)
    store = open_store(tmp_path)
    store.verify()
    assert store.num_transitions == sum(int(made_block(n)[1].sum()) for n in (0, 2))


def test_store_without_declared_size_is_complete_when_finished(tmp_path):
    with create(tmp_path, SCHEMA) as writer:
        with pytest.raises(StoreError, match=r"blocks \[0\] are missing"):
            writer.finish()
        writer.append_block(1, *made_block(1))
        with pytest.raises(StoreError, match=r"blocks \[0\] are missing"):
            writer.finish()
        writer.append_block(0, *made_block(0))
        assert not writer.is_complete
        with pytest.raises(StoreError, match="incomplete: 2 of unknown"):
            open_store(tmp_path)
        writer.finish()
        assert writer.is_complete
    assert open_store(tmp_path).num_histories == 100
    with create(tmp_path, SCHEMA) as writer:
        assert writer.is_complete
        with pytest.raises(
            InvalidArgument, match=r"block_index must be an integer in 0\.\.1, got 2"
        ):
            writer.append_block(2, *made_block(2))


def test_full_disk_is_a_clean_error_and_the_store_goes_on(tmp_path):
    with resume(tmp_path) as writer:
        writer.append_block(0, *made_block(0))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # a file can grow no further
        try:
            with pytest.raises(
                WriteError, match=r"cannot write \d+ bytes: .*give the same command"
            ):
                writer.append_block(1, *made_block(1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert {entry.name for entry in tmp_path.iterdir()} == {
            ".lock",
            "manifest.json",
            "block-000000.safetensors",
        }
        writer.append_block(1, *made_block(1))
        assert writer.finished_blocks == {0, 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"description": {"family": "other"}},
            r"begun otherwise \(description\..*: .*, asked ",
        ),
        ({"num_blocks": 7}, r"begun otherwise \(num_blocks: 30, asked 7\); choose another folder"),
        (
            {"schema": FieldSchema({"x": Field(np.dtype(np.uint8))})},
            r"begun otherwise \(fields\.",
        ),
    ],
)
def test_store_is_resumed_only_as_it_was_begun(tmp_path, change, message):
    resume(tmp_path).close()
    valid = {"schema": SCHEMA, "num_blocks": NUM_BLOCKS, "description": DESCRIPTION}
    with pytest.raises(StoreError, match=message):
        create(tmp_path, **(valid | change))
    resume(tmp_path).close()


@pytest.mark.parametrize("name", ["thesis.tex", "block-000000.safetensors"])
def test_folder_with_other_files_is_refused(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(StoreError, match=f"must be an empty folder .* and holds {name}"):
        create(tmp_path, SCHEMA)
    assert (tmp_path / name).read_text() == "precious"


def test_path_that_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match=r"cannot be written to: .*; choose a folder"):
            create(path, SCHEMA)
    with pytest.raises(StoreError, match="cannot be read: Not a directory"):
        open_store(tmp_path / "file")


def test_description_that_is_no_json_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match=r"description must be a JSON value, got .*array"):
        create(tmp_path / "store", SCHEMA, description={"held_out": np.arange(3)})


ARRAYS, LENGTHS = make_block(np.random.default_rng(0), 3, 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: w.append_block(0, ARRAYS, LENGTHS), "block 0 is already in"),
        (
            lambda w: w.append_block(30, ARRAYS, LENGTHS),
            r"block_index must be an integer in 0\.\.29, got 30",
        ),
        (lambda w: w.append_block(-1, ARRAYS, LENGTHS), "block_index must be an integer in"),
        (
            lambda w: w.append_block(1, ARRAYS, LENGTHS * 1.0),
            "lengths must be integers, got float64",
        ),
        (lambda w: w.append_block(1, ARRAYS, LENGTHS * 0), "lengths must be at least 1"),
        (lambda w: w.append_block(1, ARRAYS, LENGTHS + 8), "lengths must be at most 8"),
        (lambda w: w.append_block(1, ARRAYS, LENGTHS[:2]), r"must have shape \(2, 8, 2\)"),
        (
            lambda w: w.append_block(1, {n: a[:, 0] for n, a in ARRAYS.items()}, LENGTHS),
            rf"must have shape \({LENGTHS.sum()}, 2\)",
        ),
        (lambda w: w.append_block(1, {}, LENGTHS), "fields must be exactly"),
        (
            lambda w: w.append_block(1, ARRAYS, LENGTHS, {"task_id": np.arange(4)}),
            r'metadata "task_id" must be numbers of shape \(3,\)',
        ),
        (
            lambda w: w.append_block(1, ARRAYS, LENGTHS, {"note": object()}),
            'metadata "note", unless an array of one per history, must be a JSON value, got <',
        ),
        (
            lambda w: w.append_block(1, ARRAYS, LENGTHS, {"a/b": 1}),
            "metadata names must be identifiers, not \"block\", got 'a/b'",
        ),
    ],
)
def test_bad_block_is_refused(tmp_path, call, message):
    with resume(tmp_path) as writer:
        writer.append_block(0, ARRAYS, LENGTHS)
        with pytest.raises(InvalidArgument, match=message):
            call(writer)
        assert writer.finished_blocks == {0}


def test_bad_number_of_blocks_is_refused(tmp_path):
    with pytest.raises(
        InvalidArgument, match=r"num_blocks must be an integer in 1\.\.1000000000, got 0"
    ):
        create(tmp_path, SCHEMA, num_blocks=0)


def test_messages_name_the_folder(tmp_path):
    resume(tmp_path).close()
    with pytest.raises(StoreError, match=re.escape(str(tmp_path))):
        open_store(tmp_path)
