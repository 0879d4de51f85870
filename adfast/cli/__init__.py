"""The command line. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `adfast`; the exit status is 2 for bad input and 1 for another expected failure."""
    from adfast.cli.app import app
    from adfast.errors import AdfastError, InvalidArgument

    try:
        app()
    except AdfastError as error:
        print(f"adfast: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InvalidArgument) else 1)
    except OSError as error:  # a full disk, a folder without permission, ...
        print(
            f"adfast: {error}; mend it and give the same command again: what is finished is kept",
            file=sys.stderr,
        )
        sys.exit(1)
