"""Contests of start-up: whole processes, from the outside."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contest import Contest, NotEquivalent, show
from benchmarks.limits import bare_interpreter, run_process
from benchmarks.pair_timer import Contender

HEAVY_MODULES = ("torch", "numba")


@contextmanager
def import_package() -> Iterator[Contest]:
    """`import adfast`."""
    command = [sys.executable, "-c", "import adfast"]

    def check() -> None:
        probe = "import sys, adfast; print(*sys.modules)"
        loaded = run_process([sys.executable, "-c", probe]).split()
        for module in HEAVY_MODULES:
            if module in loaded:
                raise NotEquivalent(f"import adfast loads {module}")
            show(f"import adfast does not load {module}")

    yield Contest(
        Contender("import adfast", lambda: run_process(command), 1),
        (),
        check,
        bare_interpreter(),
        starts_processes=True,
    )


@contextmanager
def help_text() -> Iterator[Contest]:
    """`adfast --help`."""
    command = [str(Path(sysconfig.get_path("scripts")) / "adfast"), "--help"]

    def check() -> None:
        if "Usage" not in run_process(command):
            raise NotEquivalent("adfast --help prints no usage")
        show("adfast --help prints its usage")

    yield Contest(
        Contender("adfast --help", lambda: run_process(command), 1),
        (),
        check,
        bare_interpreter(),
        starts_processes=True,
    )
