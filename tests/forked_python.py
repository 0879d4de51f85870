"""`python ARGUMENTS` in processes that have imported adfast already, forks of one server.

Importing takes a process seconds, and what most tests of other processes ask is not how Python
starts. Those that do, or that set what is read when a package is imported, start one of their own.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO

ROOT = Path(__file__).resolve().parents[1]


def run_forked(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """How Python with these arguments ended, in `folder`, and what it printed."""
    with forked(arguments, environment, folder) as process:
        printed = process.communicate()
        return subprocess.CompletedProcess(arguments, process.wait(), *printed)


@contextmanager
def forked(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Iterator[ForkedProcess]:
    """Python with these arguments, in `folder`, while the block lasts: one at a time."""
    with tempfile.TemporaryDirectory() as directory:
        printed = [Path(directory) / name for name in ("stdout", "stderr")]
        request = {
            "arguments": list(map(str, arguments)),
            "environment": dict(environment),
            "folder": str(folder),
            "printed": list(map(str, printed)),
        }
        asked, answered = server()
        asked.write(json.dumps(request).encode() + b"\n")
        process = ForkedProcess(int(answered.readline()), answered, printed)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()


class ForkedProcess:
    """A child of the server, as `subprocess.Popen` would have it."""

    def __init__(self, pid: int, answered: IO[bytes], printed: Sequence[Path]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._answered, self._printed = answered, printed

    def poll(self) -> int | None:
        """Its exit status, or None while it has none."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has one; raises `TimeoutExpired`."""
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._answered], [], [], timeout)[0]:
            self.returncode = int(self._answered.readline())
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has printed, once it has ended."""
        self.wait(timeout)
        stdout, stderr = (path.read_text() for path in self._printed)
        return stdout, stderr


@cache
def server() -> tuple[IO[bytes], IO[bytes]]:
    """Where the server of this process is asked, a line of JSON each, and where it answers: with
    the number of a fork, and later with its exit status."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # so that what has been answered can be waited for
        env=os.environ | {"PYTHONPATH": path},
    )
    assert process.stdin is not None
    assert process.stdout is not None

    @atexit.register
    def end() -> None:
        with process:  # closes what it is asked by, at which it ends
            pass

    return process.stdin, process.stdout


def import_adfast() -> None:
    """Import what commands import, and begin what Numba begins with its first function."""
    import numba

    import adfast

    # The last is what torch imports with the first optimiser, in half the time of all others.
    for name in ("matplotlib.figure", "plotly.graph_objects", "adfast.cli.app", "torch._dynamo"):
        importlib.import_module(name)
    for name in adfast.__all__:
        getattr(adfast, name)
    numba.njit(lambda: 0)()
    # A fork copies one thread: locks that others hold at that moment would be held for ever.
    assert threading.active_count() == 1, threading.enumerate()


def serve() -> None:
    """Answer each request with a fork, which returns from here to the end, and its exit status."""
    own_path = os.environ.pop("PYTHONPATH").split(os.pathsep)
    installed = [place for place in sys.path[1:] if place not in own_path]
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            become(request, installed)
            return
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(request: dict, installed: list[str]) -> None:
    """Carry out what `python ARGUMENTS` would, as the program of this process."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for descriptor, path in enumerate([os.devnull, *request["printed"]]):
        flags = os.O_WRONLY | os.O_CREAT if descriptor else os.O_RDONLY
        os.dup2(os.open(path, flags), descriptor)
    first, *rest = request["arguments"]
    own_path = request["environment"]["PYTHONPATH"].split(os.pathsep)
    sys.path[:] = ["", *own_path, *installed]
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    assert first == "-c", first
    sys.argv = ["-c", *rest[1:]]
    sys.modules["__main__"] = program = ModuleType("__main__")
    exec(compile(rest[0], "<string>", "exec"), vars(program))


if __name__ == "__main__":
    import_adfast()
    serve()
