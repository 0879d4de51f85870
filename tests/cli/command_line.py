"""Calls of `adfast`, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from typing import Any
from unittest import mock

from adfast.cli import main

# `python -c` for a process of its own; the arguments follow.
PROGRAM = [sys.executable, "-c", "from adfast.cli import main; main()"]


@dataclass
class Ended:
    """How a call ended: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str


def adfast(*arguments: Any) -> Ended:
    """Carry out `adfast ARGUMENTS` in this process; an unexpected exception comes through."""
    stdout, stderr = io.StringIO(), io.StringIO()
    status = 0
    with (
        mock.patch.object(sys, "argv", ["adfast", *map(str, arguments)]),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ended(status, stdout.getvalue(), stderr.getvalue())
