"""Processes that acknowledge what they have done, and are ended in the middle of it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

TESTS = str(Path(__file__).resolve().parent)
KILLS = 15  # of one kind, in a test that is part of every run of the suite


class Worker:
    """Runs `work(acknowledge, *arguments)` in processes of their own, which may be ended.

    The processes are forked from a server that is warm (`warm_server.py`), so that each starts at
    once; the test's own process, which may have threads, is not forked. `exit_code` is that of the
    last process, negative for a signal.
    """

    def __init__(self, work: Callable[..., None]) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["warm_server"])
        path = os.pathsep.join([TESTS, os.environ.get("PYTHONPATH", "")])
        with mock.patch.dict(os.environ, PYTHONPATH=path):
            forkserver.ensure_running()
        self.work = work
        self.exit_code: int | None = None

    def run(
        self,
        *arguments: Any,
        kill_after: int | None = None,
        delay: float = 0.0,
        sent: int = signal.SIGKILL,
    ) -> list[Any]:
        """What one process acknowledged.

        With `kill_after` the signal is `sent` to it `delay` seconds after so many acknowledgements,
        unless it has ended before.
        """
        receiver, sender = self.context.Pipe(duplex=False)
        process = self.context.Process(target=work_and_report, args=(self.work, sender, arguments))
        process.start()
        assert process.pid is not None
        sender.close()
        acknowledged: list[Any] = []
        try:
            if kill_after is not None:
                while len(acknowledged) < kill_after:
                    acknowledged.append(receiver.recv())
                time.sleep(delay)
                if process.is_alive():
                    os.kill(process.pid, sent)
            while True:
                acknowledged.append(receiver.recv())
        except EOFError:
            process.join()
        finally:
            process.kill()
        self.exit_code = process.exitcode
        assert self.exit_code == 0 or kill_after is not None, self.exit_code
        return acknowledged


def work_and_report(
    work: Callable[..., None], sender: Connection, arguments: tuple[Any, ...]
) -> None:
    """The process: each acknowledgement is sent before the work goes on."""
    work(sender.send, *arguments)
    sender.close()


def kill_at_random(
    worker: Worker,
    folder: Path,
    arguments: tuple[Any, ...],
    check: Callable[[Path, list[Any], bool], None],
    *,
    kills: int,
    acknowledgements: int,
    delay: float,
) -> None:
    """Kill work in a path below `folder` at so many random moments, going on after each.

    A moment is up to `delay` seconds after one of the first `acknowledgements` of a process. Work
    that finishes is begun anew in another path. `check(path, acknowledged, finished)` is called
    after each end, with all that was acknowledged in that path.
    """
    moments = random.Random(0)
    number, killed = 0, 0
    acknowledged: list[Any] = []
    while True:
        is_last = killed == kills
        after = None if is_last else moments.randint(0, acknowledgements)
        path = folder / str(number)
        acknowledged += worker.run(
            path, *arguments, kill_after=after, delay=moments.uniform(0, delay)
        )
        assert worker.exit_code in (0, -signal.SIGKILL)
        is_finished = worker.exit_code == 0
        check(path, acknowledged, is_finished)
        killed += not is_finished
        if is_finished and is_last:
            return
        if is_finished:
            number += 1
            acknowledged = []
