"""The options of `adfast bench`, and which of them go together."""

from __future__ import annotations

import argparse
from pathlib import Path

from adfast.errors import InvalidArgument
from benchmarks.measure import FULL, QUICK

DEFAULT_PATH = Path()  # of a record, when none is given

DESCRIPTION = """Time every hot layer, interleaved with its rivals.

With --against the exit status is 1 when something became slower, beyond noise.
Ctrl-C ends the measuring, prints what was measured, and keeps it where --record was given."""

EPILOG = """`adfast bench cuda` times what runs on a CUDA device, where there is one, and
`adfast bench cpu` the rest."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="adfast bench",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="workloads, layers or devices (cpu, cuda); all without any",
    )
    parser.add_argument(
        "--list", action="store_true", help="list workloads and optional rivals, and stop"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small sizes, less than a minute: shows that all works, not how fast; judges no bar",
    )
    parser.add_argument(
        "--record",
        nargs="?",
        type=Path,
        const=DEFAULT_PATH,
        metavar="PATH",
        help="keep the record, by default as benchmarks/records/DATE-PROCESSOR.json",
    )
    parser.add_argument(
        "--against",
        metavar="REV",
        help="judge this checkout against another commit, which is built in a scratch worktree",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--seconds-per-workload",
        type=float,
        metavar="S",
        help=f"time for the rounds of one workload (default: {FULL.seconds:g}, "
        f"quick {QUICK.seconds:g}); slow rivals take {FULL.min_rounds} rounds whatever it says",
    )
    return parser.parse_args(arguments)


def check_options(options: argparse.Namespace) -> None:
    """Raise `InvalidArgument` for options that contradict one another or would mislead later."""
    seconds = options.seconds_per_workload
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InvalidArgument(f"--seconds-per-workload must be positive, got {seconds:g}")
    if options.against is not None and options.record is not None:
        raise InvalidArgument("--against goes without --record; run them one by one")
    if options.record is not None and options.quick:
        raise InvalidArgument("--record needs the full sizes; drop --quick to keep the record")


def check_default_record(options: argparse.Namespace) -> None:
    """Raise `InvalidArgument` where a part would be kept as the record of all."""
    if options.names and options.record == DEFAULT_PATH:
        raise InvalidArgument(
            "--record without a path keeps all workloads, for the README; "
            f"give a path for {', '.join(options.names)} alone"
        )
