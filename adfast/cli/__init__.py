"""The command line. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

PACKAGE = Path(__file__).parent.parent


def main() -> None:
    """Run `adfast`.

    The exit status is 2 for bad input, 1 for another expected failure, 128 + its number for a
    signal.
    """
    from adfast.cli.interruption import interruption

    with interruption() as request:
        try:
            run_command()
        except BaseException as stopped:
            if not request.has_ended(stopped):
                raise
            print(
                "\nadfast: stopped; what is finished is kept, and the same command continues",
                file=sys.stderr,
            )
            sys.exit(request.status)


def run_command() -> None:
    """Carry out the command of `sys.argv` and exit; expected failures are told in a line."""
    from adfast.errors import AdfastError, InvalidArgument
    from adfast.printable import printable

    print_whatever_comes()
    try:
        from adfast.cli.app import app

        with warnings_in_a_line():
            app()
    except AdfastError as error:
        print(f"adfast: {printable(error)}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InvalidArgument) else 1)
    except ImportError as error:
        from adfast.packages import explain

        print(f"adfast: {printable(explain(error))}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:  # a full disk, a folder without permission, ...
        print(
            f"adfast: {printable(error)}; mend it and give the same command again: what is "
            "finished is kept",
            file=sys.stderr,
        )
        sys.exit(1)


def print_whatever_comes() -> None:
    """Spell out what the terminal's encoding lacks, in place of failing at it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where it is closed or caught
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def warnings_in_a_line() -> Iterator[None]:
    """Tell what adfast itself warns of as its errors are told, without the line of code."""
    usual = warnings.showwarning

    def tell(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if Path(filename).is_relative_to(PACKAGE):
            from adfast.printable import printable

            print(f"adfast: {printable(message)}", file=sys.stderr)
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = tell
    try:
        yield
    finally:
        warnings.showwarning = usual
