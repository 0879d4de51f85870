"""`adfast doctor` and `bench`: what is there, and how fast it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from adfast.cli.arguments import JsonOption
from adfast.cli.listing import print_mapping
from adfast.errors import RunError
from adfast.packages import MODELS, require

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def doctor(
    family: Annotated[
        str | None,
        typer.Option(
            "--family",
            metavar="NAME",
            help="Check a task family instead; one of your own is MODULE:CLASS.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what this machine has and which backends will be used; or check a task family."""
    from adfast.doctor import examine_family, examine_machine

    found = examine_machine() if family is None else examine_family(family)
    print_mapping(found, as_json=as_json)


def bench(context: typer.Context) -> None:
    """Time every hot layer against its rivals (from a checkout of the repository)."""
    require(*MODELS, "gymnasium")
    run_benchmarks(context.args)


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
