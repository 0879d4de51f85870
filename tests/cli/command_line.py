"""Calls of `adfast`, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from dataclasses import dataclass
from typing import Any
from unittest import mock

import typer.main

from adfast import provenance
from adfast.cli import main

# A picture of one pixel.
BLANK = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55000000"
    "0a49444154789c63f80f0001010100b138f6140000000049454e44ae426082"
)
# The same for each call: the tree of commands, a tenth of a second's work, and the commit, which
# git is asked for by every stage.
tree_of_commands = functools.cache(typer.main.get_command)
source_commit = functools.cache(provenance.source_commit)

# `python -c` for a process of its own; the arguments follow.
PROGRAM = [sys.executable, "-c", "from adfast.cli import main; main()"]


@dataclass
class Ended:
    """How a call ended: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str


def adfast(*arguments: Any, draws: bool = False) -> Ended:
    """Carry out `adfast ARGUMENTS` in this process; an unexpected exception comes through.

    The files of its figures are blank unless it `draws`: of a small run that is two thirds of a
    report. Tests of figures are in `tests/report`.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    status = 0
    with (
        contextlib.nullcontext() if draws else blank_figures(),
        mock.patch.object(typer.main, "get_command", tree_of_commands),
        mock.patch.object(provenance, "source_commit", source_commit),
        mock.patch.object(sys, "argv", ["adfast", *map(str, arguments)]),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ended(status, stdout.getvalue(), stderr.getvalue())


def blank_figures() -> contextlib.AbstractContextManager[Any]:
    """While it lasts, a figure is saved as a picture of one pixel (not before one was imported)."""
    module = sys.modules.get("matplotlib.figure")
    if module is None:
        return contextlib.nullcontext()
    return mock.patch.object(module.Figure, "savefig", lambda _, file, **options: file.write(BLANK))
