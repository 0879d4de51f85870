"""Several processes at one folder: readers see whole states in order, one writer goes first."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from adfast import histories
from adfast.errors import StoreError
from faults.ended_command import carry_out
from histories.made_histories import SCHEMA, make_block
from killed_process import Worker

pytestmark = pytest.mark.faults

NUM_BLOCKS = 60


def made_block(number):
    return make_block(np.random.default_rng(number), 2, 12)


def write_store(acknowledge, path, seen):
    """Commit the blocks from the last to the first, each when the one before was `seen`.

    The reader goes on opening meanwhile, so that commits and openings coincide at any speed of
    either.
    """
    with histories.create(path, SCHEMA, num_blocks=NUM_BLOCKS) as writer:
        for count, number in enumerate(reversed(range(NUM_BLOCKS))):
            while count and not (seen / str(count)).exists():
                time.sleep(0.0005)
            writer.append_block(number, *made_block(number))
            acknowledge(number)


def test_reader_during_commits_sees_whole_states_in_their_order(tmp_path, count_faults):
    path, acknowledgements = tmp_path / "store", tmp_path / "seen"
    acknowledgements.mkdir()
    writer = threading.Thread(target=Worker(write_store).run, args=(path, acknowledgements))
    writer.start()
    seen, opened, first = 0, 0, None
    while seen < NUM_BLOCKS:
        try:
            store = histories.open(path, allow_incomplete=True)
        except StoreError as error:
            assert seen == 0 and "no history store" in str(error), error  # noqa: PT017, PT018
            time.sleep(0.001)  # the writer's process may only be starting
            continue
        opened += 1
        blocks = store.metadata["block"][::2].tolist()
        assert blocks == list(range(NUM_BLOCKS - len(blocks), NUM_BLOCKS))
        assert len(blocks) in (seen, seen + 1)
        if len(blocks) > seen:
            store.verify()
            arrays, lengths = made_block(blocks[0])
            action = store.history(0)["action"]
            np.testing.assert_array_equal(action, arrays["action"][0, : lengths[0]])
            (acknowledgements / str(len(blocks))).touch()
        seen = len(blocks)
        first = store if first is None and seen else first
    writer.join()
    assert opened >= NUM_BLOCKS
    assert first.num_histories < 2 * NUM_BLOCKS  # what was opened early stays as it was
    first.verify()
    first.sample(4, 1, seed=0, draw=0)
    count_faults("store opened while it is written", opened)


def test_commands_that_begin_one_run_together_leave_one_whole_run(memory_folder, recipe):
    path = memory_folder / "run"
    workers = [Worker(carry_out) for _ in range(3)]
    arguments = ("collect", str(recipe), "--run", str(path))
    threads = [
        threading.Thread(
            target=worker.run,
            args=(memory_folder / f"output-{number}", *arguments),
            kwargs={"kill_after": 1000},  # never: any exit status is an answer
        )
        for number, worker in enumerate(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {worker.exit_code for worker in workers} <= {0, 1}
    for number, worker in enumerate(workers):
        printed = (memory_folder / f"output-{number}.stderr").read_text()
        assert "Traceback" not in printed
        assert (worker.exit_code == 0) != ("is being worked on by" in printed)
    assert 0 in {worker.exit_code for worker in workers}
    assert histories.open(path / "histories").verify() > 0
