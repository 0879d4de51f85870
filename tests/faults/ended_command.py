"""A command of `adfast` in a process that is ended at any moment, with what it printed kept."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from adfast import cli
from adfast.cli import stages


def carry_out(acknowledge: Callable[[str], None], path: Path, *arguments: str) -> None:
    """`adfast ARGUMENTS`, where "{path}" is `path`; acknowledges each step of its progress.

    What it prints to stderr is in the file `path` with ".stderr" behind its name.
    """
    plain_bar, plain_command = stages.progress_bar, cli.run_command

    @contextlib.contextmanager
    def progress_bar(title, *given):
        with plain_bar(title, *given) as bar:
            plain_advance = bar.advance_to

            def advance_to(done, note=""):
                plain_advance(done, note)
                acknowledge(title)

            bar.advance_to = advance_to
            yield bar

    def run_command():
        acknowledge("begun")  # signals are heard from here on
        plain_command()

    with (
        path.with_name(f"{path.name}.stderr").open("w", buffering=1) as stderr,
        contextlib.redirect_stderr(stderr),
        contextlib.redirect_stdout(stderr),
        mock.patch.object(sys, "argv", ["adfast", *(a.format(path=path) for a in arguments)]),
        mock.patch.object(stages, "progress_bar", progress_bar),
        mock.patch.object(cli, "run_command", run_command),
    ):
        cli.main()
