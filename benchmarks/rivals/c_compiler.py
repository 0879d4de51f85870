"""The machine's own C compiler, which builds rivals in C when they are timed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


def compiler() -> str | None:
    """The path of the first that is there: `$CC`, cc, gcc or clang."""
    named = os.environ.get("CC", "cc")
    return next(filter(None, map(shutil.which, (named, "cc", "gcc", "clang"))), None)


def compiler_version() -> str | None:
    """How the compiler introduces itself; None where there is none."""
    command = compiler()
    if command is None:
        return None
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.partition("\n")[0].strip() or command


def compile_source(source: Path) -> ctypes.CDLL | None:
    """The functions of `source`; None, with the reason on stderr, where nothing compiles it."""
    command = compiler()
    if command is None:
        print(f"no C compiler: {source.name} is not timed", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "rival.so"
        built = subprocess.run(
            [command, *FLAGS, "-o", library, source], capture_output=True, text=True, check=False
        )
        if built.returncode:
            reason = built.stderr.strip().partition("\n")[0]
            print(f"{command} failed: {source.name} is not timed: {reason}", file=sys.stderr)
            return None
        return ctypes.CDLL(str(library))
