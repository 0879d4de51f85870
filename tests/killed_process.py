"""Processes that acknowledge what they have done, and are killed in the middle of it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

KILLS = 10
PRELOADED = [
    "adfast.collection.collect",
    "adfast.training.loop",
    "torch._dynamo",  # optimisers import it at their first step
]


class Worker:
    """Runs `work(acknowledge, *arguments)` in processes of their own, which may be killed.

    The processes are forked from a server that has imported what takes long, so that each starts
    at once; the test's own process is not forked.
    """

    def __init__(self, work: Callable[..., None]) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.work = work

    def run(self, *arguments: Any, kill_after: int | None = None, delay: float = 0.0) -> list[Any]:
        """What one process acknowledged.

        With `kill_after` it is killed `delay` seconds after so many acknowledgements.
        """
        receiver, sender = self.context.Pipe(duplex=False)
        process = self.context.Process(target=work_and_report, args=(self.work, sender, arguments))
        process.start()
        sender.close()
        acknowledged: list[Any] = []
        try:
            while kill_after is None or len(acknowledged) < kill_after:
                acknowledged.append(receiver.recv())
            time.sleep(delay)
            process.kill()
            while True:
                acknowledged.append(receiver.recv())
        except EOFError:
            process.join()
        finally:
            process.kill()
        assert process.exitcode == (0 if kill_after is None else -9), process.exitcode
        return acknowledged


def work_and_report(
    work: Callable[..., None], sender: Connection, arguments: tuple[Any, ...]
) -> None:
    """The process: each acknowledgement is sent before the work goes on."""
    work(sender.send, *arguments)
    sender.close()
