"""One process at a time, and the other is told which one; a lock ends with its process."""

import json
import os
import socket
import subprocess
import time

import pytest

from adfast.locks import LOCK_NAME, MAX_HOLDER_BYTES, FolderLocked, folder_lock
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
