"""`python -m benchmarks`, which `adfast bench` calls: times workloads and keeps the record."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from adfast.errors import AdfastError, InvalidArgument
from adfast.provenance import collect_provenance
from benchmarks.contest import NotEquivalent
from benchmarks.measure import FULL, QUICK, measure
from benchmarks.pair_timer import Effort
from benchmarks.record import Measurement, Record
from benchmarks.table import results_table
from benchmarks.workloads import WORKLOADS, Workload, select

WIDTH = 200  # columns of the table where stdout is no terminal
DEFAULT_PATH = Path()  # of the record, when none is given
BUSY_LOAD = 0.5  # other processes that want to run, above which figures are not to be trusted


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="adfast bench", description="Time every hot layer, interleaved with its rivals."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="workloads or layers; all without any"
    )
    parser.add_argument("--list", action="store_true", help="list the workloads and stop")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, less than a minute; judges no bar"
    )
    parser.add_argument(
        "--record",
        nargs="?",
        type=Path,
        const=DEFAULT_PATH,
        metavar="PATH",
        help="keep the record, by default as benchmarks/records/DATE-PROCESSOR.json",
    )
    parser.add_argument("--json", action="store_true", help="print the record instead of the table")
    parser.add_argument(
        "--seconds-per-workload",
        type=float,
        metavar="S",
        help=f"time for the rounds of one workload (default: {FULL.seconds:g}, "
        f"quick {QUICK.seconds:g}); slow rivals take {FULL.min_rounds} rounds whatever it says",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 when a workload could not be timed, 2 for bad arguments."""
    options = parse(arguments)
    try:
        check_record(options)
        workloads = select(options.names)
    except AdfastError as error:
        print(f"adfast bench: {error}", file=sys.stderr)
        return 2
    if options.list:
        for workload in WORKLOADS:
            print(f"{workload.layer:<18} {workload.name}")
        return 0
    effort = QUICK if options.quick else FULL
    if options.seconds_per_workload is not None:
        effort = replace(effort, seconds=options.seconds_per_workload)
    load_before = os.getloadavg()[0]
    if load_before > BUSY_LOAD:
        print(
            f"other programs load this machine (load average {load_before:.1f}): "
            "ratios may pass, rates do not count",
            file=sys.stderr,
        )
    measurements = measure_all(workloads, effort, small=options.quick)
    record = Record(
        is_quick=options.quick,
        provenance=collect_provenance(),
        load_average=(load_before, os.getloadavg()[0]),
        measurements=measurements,
    )
    print_record(record, as_json=options.json)
    if len(measurements) < len(workloads):
        print(f"{len(measurements)} of {len(workloads)} workloads were timed", file=sys.stderr)
        return 1
    if options.record is not None:
        path = record.default_path if options.record == DEFAULT_PATH else options.record
        record.write(path)
        print(f"record: {path}", file=sys.stderr)
    return 0


def check_record(options: argparse.Namespace) -> None:
    """Raise `InvalidArgument` for a record that would mislead whoever reads it later."""
    if options.record is None:
        return
    if options.quick:
        raise InvalidArgument("--record needs the full sizes; drop --quick to keep the record")
    if options.names and options.record == DEFAULT_PATH:
        raise InvalidArgument(
            "--record without a path keeps all workloads, for the README; "
            f"give a path for {', '.join(options.names)} alone"
        )


def measure_all(workloads: list[Workload], effort: Effort, *, small: bool) -> list[Measurement]:
    """The measurements of the workloads, until Ctrl-C; says whose contenders do different work."""
    measurements = []
    for number, workload in enumerate(workloads, start=1):
        print(f"[{number}/{len(workloads)}] {workload.name}", file=sys.stderr, flush=True)
        try:
            measurements.append(measure(workload, effort, small=small))
        except NotEquivalent as error:
            print(f"{workload.name}: not the same work, not timed: {error}", file=sys.stderr)
        except KeyboardInterrupt:
            break
    return measurements


def print_record(record: Record, *, as_json: bool) -> None:
    """Print the record as a table or as JSON."""
    if as_json:
        print(record.model_dump_json())
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(results_table(record.measurements))


if __name__ == "__main__":
    sys.exit(main())
