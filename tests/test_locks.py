"""One process at a time, and the other is told which one; a lock ends with its process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from adfast.locks import (
    LOCK_NAME,
    MAX_HOLDER_BYTES,
    FolderLocked,
    folder_lock,
    held_here,
    leave_to_parent,
)
from killed_process import Worker


def hold_for_ever(acknowledge, folder):
    with folder_lock(folder):
        acknowledge(os.getpid())
        time.sleep(600)


def test_second_holder_is_told_of_the_first(tmp_path):
    with folder_lock(tmp_path), pytest.raises(FolderLocked) as refused, folder_lock(tmp_path):
        pass
    message = str(refused.value)
    assert f"process {os.getpid()} on {socket.gethostname()} (" in message
    assert f"or end it here with: kill {os.getpid()}" in message
    with folder_lock(tmp_path):
        pass


def test_lock_ends_with_a_killed_process(tmp_path):
    (pid,) = Worker(hold_for_ever).run(tmp_path, kill_after=1)
    assert json.loads((tmp_path / LOCK_NAME).read_bytes())["pid"] == pid  # it could tidy up nothing
    with folder_lock(tmp_path):
        assert json.loads((tmp_path / LOCK_NAME).read_bytes())["pid"] == os.getpid()


def test_released_lock_names_nobody(tmp_path):
    with folder_lock(tmp_path):
        pass
    assert (tmp_path / LOCK_NAME).read_bytes() == b""


def test_holder_elsewhere_is_ended_there(tmp_path):
    holder = {"pid": 7, "host": "another", "command": "adfast run dark-room"}
    with folder_lock(tmp_path):
        (tmp_path / LOCK_NAME).write_text(json.dumps(holder))
        with (
            pytest.raises(FolderLocked, match=r"7 on another \(adfast run dark-room\).*end it the"),
            folder_lock(tmp_path),
        ):
            pass


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"pid": "x"}', b'{"pid": 1', b"0" * (MAX_HOLDER_BYTES + 9)]
)
def test_lock_whose_file_says_nothing_holds_all_the_same(tmp_path, content):
    with folder_lock(tmp_path):
        (tmp_path / LOCK_NAME).write_bytes(content)
        with (
            pytest.raises(FolderLocked, match="another process; wait for it"),
            folder_lock(tmp_path),
        ):
            pass


def test_programs_that_the_holder_starts_do_not_keep_the_lock(tmp_path):
    with folder_lock(tmp_path):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with folder_lock(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def hold_and_fork(acknowledge, folder, ends):
    """Forks a child within the lock, which ends there at once, or lives on after it."""
    with folder_lock(folder):
        child = os.fork()
        if child == 0 and not ends:
            time.sleep(600)
        if child != 0:
            if ends:
                os.waitpid(child, 0)
            acknowledge(json.loads((folder / LOCK_NAME).read_bytes())["pid"] == os.getpid())
            with contextlib.suppress(FolderLocked), folder_lock(folder):
                acknowledge("held by two")
    if child == 0:
        os._exit(0)
    with folder_lock(folder):
        acknowledge("released")
    if not ends:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("ends", [True, False])
def test_forked_child_neither_releases_the_lock_nor_keeps_it(tmp_path, ends):
    assert Worker(hold_and_fork).run(tmp_path, ends) == [True, "released"]


def test_descriptor_of_a_lock_left_to_the_parent_is_not_closed_again(tmp_path):
    before = set(held_here)  # of what other tests left to the collector
    with folder_lock(tmp_path):
        (held,) = held_here - before
        inherited = os.dup(held.descriptor)
        leave_to_parent()  # as in a forked child
        other = os.open(tmp_path, os.O_RDONLY)
        assert held.descriptor == -1
    os.fstat(other)
    os.close(other)
    os.close(inherited)
