"""The other end of a worker: starts it, asks it, and ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from adfast.closing import Closing
from adfast.errors import AdfastError

WORKER = Path(__file__).resolve().with_name("worker.py")


class WorkerFailed(AdfastError):
    """A worker could not do what it was told; the message is its own."""


class Side(Closing):
    """A fresh process that runs workloads on the adfast of `tree`, on processor core `core`.

    It is in a session of its own, so that Ctrl-C reaches only us, who end it.
    """

    def __init__(self, tree: Path, core: int) -> None:
        environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER), str(tree), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            cwd=tree,
            env=environment,
            start_new_session=True,
        )

    def ask(self, command: str, *arguments: Any) -> Any:
        """The worker's answer; raises `WorkerFailed` with its reason."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps([command, *arguments]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerFailed(f"its process ended: {self.last_complaint()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer["answer"]

    def last_complaint(self) -> str:
        """The last line that it wrote to stderr."""
        self.process.wait()
        self.complaints.seek(0)
        lines = self.complaints.read().strip().splitlines()
        return lines[-1] if lines else f"status {self.process.returncode}"

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is not None:
            self.process.kill()
        super().__exit__(kind, error, traceback)

    def close(self) -> None:
        """Let the worker end, and wait for it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.complaints.close()
