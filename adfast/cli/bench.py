"""`adfast bench`: hands over to `benchmarks/` of the checkout that adfast runs from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from adfast.errors import RunError

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def run_benchmarks(arguments: list[str]) -> int:
    """The exit status of `python -m benchmarks ARGUMENTS`; raises `RunError` outside a checkout."""
    if not (CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise RunError(
            "adfast bench runs from a checkout, because it measures against rivals that the "
            "package does not ship; clone the repository, pip install -e . there, and run it again"
        )
    return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], cwd=CHECKOUT).returncode
