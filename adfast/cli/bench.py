"""`adfast bench`: hands over to `benchmarks/` of the checkout that adfast runs from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from adfast.errors import RunError

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def run_benchmarks(arguments: list[str]) -> NoReturn:
    """Become `python -m benchmarks ARGUMENTS`; raises `RunError` outside a checkout.

    This process is replaced, so that Ctrl-C reaches the benchmarks alone, which then print what
    they have; paths in `arguments` stay relative to the caller's folder.
    """
    if not (CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise RunError(
            "adfast bench runs from a checkout, because it measures against rivals that the "
            "package does not ship; clone the repository, pip install -e . there, and run it again"
        )
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-P", "-m", "benchmarks", *arguments]
    os.execve(sys.executable, command, environment)
