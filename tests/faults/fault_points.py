"""Faults at chosen operations on files: each of the calls that change a disk, one after the other.

All writing in adfast goes through functions of `os` (`tests/test_durable.py` holds it to that), so
wrapping these reaches every point at which a process can be killed or a disk can refuse.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

OPERATIONS = (
    "open", "posix_fallocate", "write", "pwrite", "ftruncate", "fsync", "close",
    "rename", "replace", "unlink", "rmdir", "mkdir", "symlink",
)  # fmt: skip
MAKES_NO_CHANGE = ("open", "close")

Operation = Callable[..., Any]
Fault = Callable[[str, Operation, tuple[Any, ...]], Any]


class Count:
    """How many operations there have been, and their names."""

    def __init__(self) -> None:
        self.names: list[str] = []


@contextlib.contextmanager
def fault_at(root: Path, number: int | None, fault: Fault | None = None) -> Iterator[Count]:
    """Let `fault` take the place of operation `number` (from 0) on what lies below `root`.

    With None as `number` the operations are counted only.
    """
    count = Count()
    below = os.path.realpath(root)

    def wrap(name: str, plain: Operation) -> Operation:
        def operation(*arguments: Any, **options: Any) -> Any:
            if not is_below(arguments, options, below) or is_reading(name, arguments):
                return plain(*arguments, **options)
            count.names.append(name)
            if len(count.names) - 1 != number:
                return plain(*arguments, **options)
            assert fault is not None
            return fault(name, lambda *given: plain(*(given or arguments), **options), arguments)

        return operation

    with contextlib.ExitStack() as patches:
        for name in OPERATIONS:
            patches.enter_context(mock.patch.object(os, name, wrap(name, getattr(os, name))))
        yield count


def is_below(arguments: tuple[Any, ...], options: dict[str, Any], root: str) -> bool:
    """Whether the file that an operation is about lies below `root`."""
    target = arguments[0]
    if isinstance(target, int):
        target = path_of(target)
    elif options.get("dir_fd") is not None:
        target = path_of(options["dir_fd"]) / target
    return str(Path.cwd() / target).startswith(root)


def path_of(descriptor: int) -> Path:
    """The path of an open file."""
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def is_reading(name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an `open` is one to read a file."""
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_DIRECTORY
    return name == "open" and not arguments[1] & writes


def kill_before(name: str, perform: Operation, arguments: tuple[Any, ...]) -> None:
    """The process dies, the operation has not happened."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_half_way(name: str, perform: Operation, arguments: tuple[Any, ...]) -> None:
    """The process dies with half of the bytes written."""
    perform_half(name, perform, arguments)
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(number: int) -> Fault:
    """The operation fails with the error `number`, nothing done."""

    def fault(name: str, perform: Operation, arguments: tuple[Any, ...]) -> None:
        if name == "close":
            perform()  # a descriptor is closed whatever close says
        raise OSError(number, os.strerror(number))

    return fault


def refuse_half_way(number: int) -> Fault:
    """The operation fails with the error `number`, half of the bytes written or all of it done."""

    def fault(name: str, perform: Operation, arguments: tuple[Any, ...]) -> None:
        perform_half(name, perform, arguments)
        raise OSError(number, os.strerror(number))

    return fault


def perform_half(name: str, perform: Operation, arguments: tuple[Any, ...]) -> None:
    """Write half of the bytes; any other operation cannot be halved and is done."""
    if name in ("write", "pwrite"):
        descriptor, data, *offset = arguments
        perform(descriptor, data[: len(data) // 2], *offset)
    else:
        perform()
