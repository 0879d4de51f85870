"""Locks on folders: one process at a time works in one, and another is told which one that is.

A lock is the operating system's (`flock` on the folder's `.lock`), so it ends with the process that
holds it, however that ends, and none is ever stale: programs that the holder starts do not inherit
it, and its forked children give it back. What is written in the file is for people.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

LOCK_NAME = ".lock"
MAX_HOLDER_BYTES = 4096
MAX_COMMAND_LENGTH = 200


class FolderLocked(Exception):
    """Another process holds the lock; the message says which one and how to end it."""


class Held:
    """A lock that this process holds, in an open file; -1 once it was left to a parent."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor


held_here: set[Held] = set()


def leave_to_parent() -> None:
    """In a forked child: close the files of inherited locks, which would outlive their holder."""
    for held in held_here:
        os.close(held.descriptor)
        held.descriptor = -1
    held_here.clear()


os.register_at_fork(after_in_child=leave_to_parent)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, which exists, until the end; a forked child does not hold it.

    Raises `FolderLocked` while another process (or another holder in this one) has it, and
    `OSError` where the folder cannot be written to.
    """
    held = Held(os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
    held_here.add(held)
    try:
        try:
            fcntl.flock(held.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = describe_holder(os.pread(held.descriptor, MAX_HOLDER_BYTES, 0))
            raise FolderLocked(holder) from None
        write_holder(held, this_process())
        yield
        write_holder(held, b"")
    finally:
        if held in held_here:
            held_here.remove(held)
            # Given back for all copies of the file: a child that has just begun still has one.
            fcntl.flock(held.descriptor, fcntl.LOCK_UN)
            os.close(held.descriptor)


def write_holder(held: Held, text: bytes) -> None:
    """Say in the lock's file who holds it, a courtesy: a full disk stops nobody here."""
    if held in held_here:
        with contextlib.suppress(OSError):
            os.ftruncate(held.descriptor, 0)
            os.pwrite(held.descriptor, text, 0)


def this_process() -> bytes:
    """What the lock's file says of its holder."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:MAX_COMMAND_LENGTH]
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "command": command}
    return json.dumps(holder).encode()


def describe_holder(content: bytes) -> str:
    """Who holds a lock and how to end that process, from what its file says."""
    try:
        holder = json.loads(content)
        pid, host, command = int(holder["pid"]), str(holder["host"]), str(holder["command"])
    except (ValueError, KeyError, TypeError):  # it is just taking the lock
        return "another process; wait for it to end"
    where = "here" if host == socket.gethostname() else "there"
    return (
        f"process {pid} on {host} ({command}); wait for it, or end it {where} with: kill {pid} "
        "(it keeps what it has done)"
    )
