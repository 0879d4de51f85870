"""`python -m ... killed|limited NAME FOLDER N`: conversions that are killed, or that lack memory.

Each is carried out in a fork of this process, which has imported what it needs and has no threads.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from adfast import histories
from adfast.durable import remove
from adfast.errors import StoreError
from adfast.histories import interchange
from adfast.histories.interchange import foreign, importing
from adfast.histories.interchange.catalogue import find_format
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from histories.interchange.exchanged import assert_same_histories, make_store

TARGETS = {"ad-eps": "out", "minari": "out-v0", "parquet": "out.parquet", "xland": "out.hdf5"}
LENGTHS = ((60, 140), (100,), (90,))
FEW = ((20, 30), (25,), (15,))  # where an episode takes its time
ALLOWED = 32 << 20  # bytes beside what libraries take when they are first used
TIMES_LARGER = 10
# Arrow's own pools reserve addresses by the gigabyte, and then nothing that they use is refused;
# this one asks the system for every allocation. Each of its threads, which begin when they are
# needed, would count a stack and an arena, 8 MiB or more that no data fill. What is large comes
# from the system and goes back to it: between small pieces that stay, the heap would keep holes
# of which each is too small, more of them by chance than the data take.
COUNTED_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 16),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 17),
}


def fork(work: Callable[[], object]) -> int:
    """The process that does `work` and ends."""
    if child := os.fork():
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def carry_out(work: Callable[[], object]) -> None:
    """Do `work` in a fork; raises where that fails."""
    _, status = os.waitpid(fork(work), 0)
    assert status == 0, status


def kill_at_random(work: Callable[[], object], check: Callable[[bool], None], kills: int) -> int:
    """Kill `work` at so many random moments, going on after each; how often it ended before.

    `check(is_finished)` is called after each end, and again when it was let finish.
    """
    moments, finished = random.Random(0), 0
    began = time.monotonic()
    carry_out(work)
    seconds = time.monotonic() - began
    check(True)
    for _ in range(kills):
        child = fork(work)
        time.sleep(moments.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or status == 0, status
        finished += status == 0
        check(status == 0)
    carry_out(work)
    check(True)
    return finished


def killed(name: str, folder: Path, kills: int) -> None:
    """Exports and imports in the format `name`, each killed `kills` times."""
    foreign.PIECE_BYTES, importing.BLOCK_BYTES = 1 << 9, 1 << 11
    store = make_store(folder / "store", lengths=FEW if name == "minari" else LENGTHS)
    target, back = folder / TARGETS[name], folder / "back"
    names = {"store", target.name, f".{target.name}.new.tmp", "whole", "back"}

    def check_export(is_finished: bool) -> None:
        assert target.exists() or not is_finished
        if target.exists():
            carry_out(lambda: require_equal(target))
            remove(target)
        assert {entry.name for entry in folder.iterdir()} <= names

    def require_equal(path: Path) -> None:
        scratch = folder / "whole"
        remove(scratch)
        assert_same_histories(interchange.import_histories(path, scratch, format=name), store)
        remove(scratch)

    def check_import(is_finished: bool) -> None:
        try:
            assert_same_histories(histories.open(back), store)
        except StoreError:
            assert not is_finished
        else:
            remove(back)  # the next begins anew

    early = kill_at_random(
        lambda: interchange.export_histories(store, target, format=name), check_export, kills
    )
    carry_out(lambda: interchange.export_histories(store, target, format=name))
    early += kill_at_random(
        lambda: interchange.import_histories(target, back, format=name), check_import, kills
    )
    print(f"{2 * kills - early} killed")


def limited(name: str, folder: Path, times: int) -> None:
    """Out and back with a store so many times larger than the memory that a conversion may take."""
    steps = 5_000 if name == "minari" else 50  # whose episodes take their time, whatever their size
    store = write_large(folder / "store", times * ALLOWED, steps)
    target, back = folder / TARGETS[name], folder / "back"
    write_large(folder / "small", ALLOWED // 6, steps)

    def export() -> None:
        use_once()
        limit_memory(ALLOWED)
        interchange.export_histories(histories.open(folder / "store"), target, format=name)

    def take_in() -> None:
        use_once()
        limit_memory(ALLOWED)
        interchange.import_histories(target, back, format=name)

    def use_once() -> None:
        """What libraries load when they are first used (pyarrow: pandas) is no part of data."""
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            out, again = Path(scratch, TARGETS[name]), Path(scratch, "back")
            interchange.export_histories(histories.open(folder / "small"), out, format=name)
            interchange.import_histories(out, again, format=name)

    carry_out(export)
    carry_out(take_in)
    assert histories.open(back).lengths.tolist() == store.lengths.tolist()
    for index in (0, store.num_histories - 1):
        last = slice(int(store.lengths[index]) - 50, None)
        found, wanted = (s.history(index, rows=last) for s in (histories.open(back), store))
        for field, values in wanted.items():
            np.testing.assert_array_equal(found[field], values, err_msg=field)
    print(f"{store.num_bytes / ALLOWED:.1f} times")


def limit_memory(allowed: int) -> None:
    """From now on this process may take so many bytes more, mapped files aside."""
    now = int(status_of("VmData")) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (now + allowed, now + allowed))


def status_of(name: str) -> str:
    """A line of what the system says of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    raise KeyError(name)


def write_large(path: Path, num_bytes: int, episode: int) -> histories.HistoryStore:
    """A store of at least so many bytes, in episodes of so many steps; a history is a quarter."""
    schema = TransitionSchema(RealObservation("float32", (12,)), 5, episode, "float32")
    rows = (num_bytes // schema.bytes_per_transition // 4 // episode + 1) * episode
    rng = np.random.default_rng(0)
    observation = rng.integers(0, 9, (rows, 12)).astype(np.float32)
    steps = np.arange(rows) % episode
    arrays = {
        "observation": observation,
        "action": (np.arange(rows) % 5).astype(np.uint8),
        "reward": np.linspace(0, 1, rows).astype(np.float32),
        "next_observation": np.roll(observation, -1, axis=0),
        "boundary": (2 * (steps == episode - 1)).astype(np.uint8),
        "episode_step": steps.astype(np.uint16),
    }
    with histories.create(path, schema, num_blocks=4) as writer:
        for block in range(4):
            lengths = np.array([rows]) if block % 2 else np.array([rows - episode, episode])
            writer.append_block(block, arrays, lengths, {"task_id": np.arange(len(lengths))})
    return histories.open(path)


if __name__ == "__main__":
    command, name, folder, number = sys.argv[1:]
    find_format(name)
    for package in find_format(name).needs:
        __import__(package)
    {"killed": killed, "limited": limited}[command](name, Path(folder), int(number))
