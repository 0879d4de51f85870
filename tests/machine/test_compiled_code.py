import errno
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from adfast.machine import compiled_code
from adfast.machine.compiled_code import Entries, compiled, folder_of

SOURCE = """
def add_up(values):
    total = 0
    for value in values:
        total += value
    return total
"""
VALUES = np.arange(10)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that `NUMBA_CACHE_DIR` names."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "named"))
    return tmp_path / "named"


@pytest.fixture
def add_up(tmp_path, monkeypatch):
    """A plain function with a file of its own, beside which nothing is written on import."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "package" / "loops.py"
    path.parent.mkdir()
    path.write_text(SOURCE)
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.delitem(sys.modules, "loops", raising=False)
    return importlib.import_module("loops").add_up


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No place can be written to but temporary files, whose folder this is."""
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(config, "CACHE_DIR", str(file / "named"))
    (tmp_path / "package" / "__pycache__").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return temporary


def is_loaded(function):
    """Whether a new process would find `function`; it must give the right result either way."""
    fresh = compiled(function)
    assert fresh(VALUES) == 45
    return sum(fresh.stats.cache_hits.values()) == 1


def entries(folder):
    return list(folder.rglob("*.compiled"))


def test_second_call_loads_what_the_first_compiled(add_up, folder):
    assert not is_loaded(add_up)
    (entry,) = entries(folder)
    assert Path(folder_of(compiled(add_up))) == entry.parent
    assert is_loaded(add_up)
    assert [path for path in folder.rglob("*") if path.is_file()] == [entry]


def test_entry_cut_anywhere_is_compiled_again(add_up, folder):
    is_loaded(add_up)
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    for tenth in range(10):
        entry.write_bytes(whole[: len(whole) * tenth // 10])
        assert not is_loaded(add_up)
        assert is_loaded(add_up)


def test_damaged_entry_is_never_unpickled(add_up, folder, monkeypatch):
    is_loaded(add_up)
    (entry,) = entries(folder)
    whole = bytearray(entry.read_bytes())
    monkeypatch.setattr(compiled_code, "loads", lambda body: pytest.fail("unpickled"))
    whole[len(whole) // 2] ^= 1
    for damaged in (bytes(whole), b"\x80\x04\x95" * 100, bytes(1000)):
        entry.write_bytes(damaged)
        assert not is_loaded(add_up)


def test_edited_source_is_compiled_again(add_up, folder, tmp_path):
    is_loaded(add_up)
    (tmp_path / "package" / "loops.py").write_text(SOURCE + "# edited\n")
    assert not is_loaded(add_up)
    assert len(entries(folder)) == 1  # in place of the stale one


def test_folder_deleted_meanwhile_is_made_again(add_up, folder):
    function = compiled(add_up)
    shutil.rmtree(folder)
    assert function(VALUES) == 45
    assert is_loaded(add_up)


def test_folder_in_the_place_of_an_entry_is_said(add_up, folder):
    is_loaded(add_up)
    (entry,) = entries(folder)
    entry.unlink()
    entry.mkdir()
    with pytest.warns(RuntimeWarning, match="Is a directory"):
        assert not is_loaded(add_up)
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_full_disk_is_said_and_leaves_nothing_behind(add_up, folder, monkeypatch):
    def write_half(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.warns(RuntimeWarning, match=r"No space left on device.*NUMBA_CACHE_DIR"):
        assert not is_loaded(add_up)
    assert not any(path.is_file() for path in folder.rglob("*"))


def test_without_another_place_the_users_own_temporary_folder_is_used(add_up, nowhere):
    assert not is_loaded(add_up)
    assert is_loaded(add_up)
    (own,) = nowhere.iterdir()
    assert own.name == f"adfast-{os.getuid()}"
    assert own.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["open to others", "link", "file", "absent"])
def test_temporary_folder_of_somebody_else_is_not_used(add_up, nowhere, kind, tmp_path):
    own = nowhere / f"adfast-{os.getuid()}"
    if kind == "open to others":
        own.mkdir()
        own.chmod(0o770)
    elif kind == "link":
        own.symlink_to(tmp_path)
    elif kind == "file":
        own.touch()
    else:
        nowhere.rmdir()
    assert folder_of(compiled(add_up)) is None
    with pytest.warns(RuntimeWarning, match="no folder can be written"):
        assert not is_loaded(add_up)


@pytest.mark.parametrize("home", ["", "~"])
def test_without_a_home_nothing_is_written_beside_the_caller(
    add_up, nowhere, home, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert folder_of(compiled(add_up)).startswith(str(nowhere))
    assert not is_loaded(add_up)
    assert list(Path().iterdir()) == []


def test_flush_forgets_all_entries_of_the_function_alone(tmp_path):
    first, second = (Entries(tmp_path, name, "stamp") for name in ("one", "other"))
    for entry in (first, second):
        entry.save("key", "value")
    first.flush()
    assert first.load("key") is None
    assert second.load("key") == "value"


def test_entries_not_used_for_longest_and_what_killed_processes_left_are_removed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(compiled_code, "MAX_ENTRIES", 2)
    kept, other = (Entries(tmp_path, name, "stamp") for name in ("one[1]", "one[12]"))
    other.save(0, "other")
    left, fresh = tmp_path / ".left.tmp", tmp_path / ".fresh.tmp"
    left.touch()
    fresh.touch()
    os.utime(left, (0, 0))
    for key in (1, 2):
        kept.save(key, key)
    for age, path in enumerate(sorted(tmp_path.glob("*.compiled"))):
        os.utime(path, (age + 1, age + 1))
    assert kept.load(1) == 1  # used now
    kept.save(3, 3)
    assert [kept.load(key) for key in (1, 2, 3)] == [1, None, 3]
    assert other.load(0) == "other"
    assert [path.name for path in tmp_path.glob(".*.tmp")] == [".fresh.tmp"]


AT_ONCE = """
import multiprocessing, sys
sys.path.insert(0, sys.argv[1])
import loops
import numpy as np
from adfast.machine.compiled_code import compiled

def call(start):
    start.wait()
    sys.exit(compiled(loops.add_up)(np.arange(10)) != 45)

context = multiprocessing.get_context("fork")
start = context.Barrier(8)
processes = [context.Process(target=call, args=(start,)) for _ in range(8)]
for process in processes:
    process.start()
for process in processes:
    process.join()
print([process.exitcode for process in processes])
"""


def test_eight_processes_begin_at_once_with_an_empty_folder(add_up, folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AT_ONCE, tmp_path / "package"],
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == str([0] * 8).split()
    assert is_loaded(add_up)
    assert len(entries(folder)) == 1


CLOSURES = """
import sys

import numpy as np
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled


def make(step):
    @register_jitable
    def walk(values, at):
        for _ in range(values.size):
            at = (at * 31 + values[at % values.size] * step) % 1000003
            values[at % values.size] ^= at
            at = (at * 37 + values[(at + step) % values.size]) % 1000003
            values[(at + step) % values.size] ^= at
        return at

    @compiled
    def run(values):
        at = walk(values, walk(values, walk(values, 1)))
        return walk(values, at) + walk(values, at + step)

    return run


for step in map(int, sys.argv[1:]):
    print(make(step)(np.arange(100)))
"""


def test_closures_that_two_processes_compiled_keep_apart_in_a_third(tmp_path):
    script = tmp_path / "closures.py"
    script.write_text(CLOSURES)

    def run(*steps, cache):
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path / cache),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        command = [sys.executable, script, *map(str, steps)]
        return subprocess.check_output(command, env=environment, text=True).splitlines()

    alone = [run(step, cache="shared") for step in (2, 3)]
    assert alone[0] != alone[1]
    assert run(2, 3, cache="another") == [*alone[0], *alone[1]]
    assert run(2, 3, cache="shared") == [*alone[0], *alone[1]]
