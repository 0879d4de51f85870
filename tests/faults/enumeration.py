"""A piece of work killed at every one of its operations on files, each time in a fork of its own.

Runs in a process of a `Worker`: one thread, all imported, so that a fork takes a millisecond.
"""

from __future__ import annotations

import importlib
import os
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

from faults.fault_points import fault_at, kill_before, kill_half_way

KILLS = {"before": kill_before, "half way": kill_half_way}
HALVED = ("write", "pwrite")  # of any other, half way is before it or before the next


class Scenario:
    """Work that is done in a folder, and what must hold of the folder whatever ends the work.

    `prepare(folder)` makes what is there before; `work(folder, acknowledge)` acknowledges what must
    not be lost; `check(folder, acknowledged)` asserts that it is there, that nothing half done
    passes for whole, and that going on leads to where uninterrupted work leads.
    """

    def prepare(self, folder: Path) -> None:
        """Make the folder as it is before the work."""
        folder.mkdir()

    def work(self, folder: Path, acknowledge: Callable[[int], None]) -> None:
        """The work."""
        raise NotImplementedError

    def check(self, folder: Path, acknowledged: list[int]) -> None:
        """Assert what must hold, and that the work goes on."""
        raise NotImplementedError


def kill_everywhere(acknowledge: Callable[[object], None], scenario: str, root: Path) -> None:
    """Acknowledges (operation, moment, what went wrong or "") of every kill of a scenario.

    `scenario` is `module:class`.
    """
    module, _, name = scenario.partition(":")
    subject: Scenario = getattr(importlib.import_module(module), name)()
    subject.prepare(root / "template")
    shutil.copytree(root / "template", root / "whole", symlinks=True)
    with fault_at(root / "whole", None) as count:
        subject.work(root / "whole", lambda number: None)
    subject.check(root / "whole", [])
    for number, operation in enumerate(count.names):
        for moment in KILLS if operation in HALVED else ["before"]:
            folder = root / "trial"
            shutil.copytree(root / "template", folder, symlinks=True)
            acknowledged, was_killed = work_in_fork(subject, folder, number, moment)
            problem = "" if was_killed else "the process was not killed"
            try:
                subject.check(folder, acknowledged)
            except Exception:
                problem += traceback.format_exc()
            acknowledge((f"{number} {operation}", moment, problem))
            shutil.rmtree(folder)


def work_in_fork(
    subject: Scenario, folder: Path, number: int, moment: str
) -> tuple[list[int], bool]:
    """What a fork acknowledged that was killed at operation `number`, and whether it was."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with fault_at(folder, number, KILLS[moment]):
                subject.work(folder, lambda item: print_line(writing, item))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        acknowledged = [int(line) for line in lines]
    _, status = os.waitpid(child, 0)
    return acknowledged, os.WIFSIGNALED(status)


def print_line(descriptor: int, item: int) -> None:
    """Write a number, at once."""
    os.write(descriptor, b"%d\n" % item)
