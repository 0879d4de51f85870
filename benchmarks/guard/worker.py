"""One side of a comparison: runs workloads on the adfast of one tree, as it is told.

`python -P worker.py TREE CORE` reads commands, one line of JSON each, and answers each with one.
Both sides run the benchmarks of the checkout that this file belongs to, so both do the same work;
only `adfast` differs. It ends when its input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def take_package_from(tree: Path) -> None:
    """Bind `adfast` to `tree` and everything else to this checkout.

    An editable installation would find in its own checkout what the tree lacks; it is forgotten.
    """
    for finder in list(sys.meta_path):
        is_editable = getattr(finder, "__module__", "").startswith("__editable__")
        if is_editable and finder.find_spec("adfast", None) is not None:
            sys.meta_path.remove(finder)
    sys.path.insert(0, str(tree))
    package = import_module("adfast")
    if Path(str(package.__file__)).resolve().parent.parent != tree.resolve():
        raise ImportError(f"adfast was taken from {package.__file__}, not from {tree}")
    sys.path[0] = str(ROOT)


class Worker:
    """At most one workload is prepared at a time."""

    def __init__(self) -> None:
        self.prepared = ExitStack()
        self.call: Callable[[], object] = lambda: None
        self.clock: Callable[[], float]

    def prepare(self, name: str, small: bool) -> float:
        """Prepare a workload, prove its work equal, warm it up; the units of work of a call."""
        from benchmarks.clocks import quiet_clock
        from benchmarks.workloads import select

        self.close()
        (workload,) = select([name])
        contest = self.prepared.enter_context(workload.prepare(small=small))
        contest.check()
        self.call = contest.subject.call
        self.clock = contest.clock or quiet_clock(starts_processes=contest.starts_processes)
        self.call()
        gc.collect()
        gc.disable()
        return contest.subject.work

    def run(self, count: int) -> float:
        """The seconds that `count` calls take, on the workload's clock."""
        from benchmarks.pair_timer import time_calls

        return time_calls(self.call, count, self.clock)

    def close(self) -> None:
        """Release what the workload holds."""
        self.call = lambda: None
        self.prepared.close()
        gc.enable()


def main() -> None:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w")  # what workloads print goes to stderr
    os.dup2(2, 1)
    os.sched_setaffinity(0, {int(sys.argv[2])})
    take_package_from(Path(sys.argv[1]))
    worker = Worker()
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer: dict[str, Any]
        try:
            answer = {"answer": getattr(worker, command)(*arguments)}
        except Exception as error:  # another commit may fail in any way; the table says how
            reason = next(iter(str(error).splitlines()), "")
            answer = {"error": f"{type(error).__name__}: {reason[:160]}"}
            worker.close()
        print(json.dumps(answer), file=answers, flush=True)
    worker.close()


if __name__ == "__main__":
    main()
