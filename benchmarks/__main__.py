"""`python -m benchmarks`, which `adfast bench` becomes: times and keeps workloads, or judges them.

The exit status is 1 when a workload could not be timed or became slower, 2 for bad arguments, and
128 + its number for a signal.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from adfast.cli.interruption import CutOff, interruption
from adfast.errors import AdfastError, InvalidArgument
from adfast.provenance import collect_provenance
from benchmarks import ROOT
from benchmarks.command_line import DEFAULT_PATH, check_default_record, check_options, parse
from benchmarks.contest import NotEquivalent
from benchmarks.device import name_of
from benchmarks.guard.against import FEWEST_LAUNCHES as LAUNCHES
from benchmarks.guard.against import SLICE_SECONDS, judge_all
from benchmarks.guard.launches import Launcher
from benchmarks.guard.scratch_tree import prepare_tree, resolve_commit
from benchmarks.guard.tables import outcome_table
from benchmarks.measure import FULL, QUICK, measure
from benchmarks.pair_timer import Effort
from benchmarks.record import Measurement, Record
from benchmarks.rivals.optional import availability, versions
from benchmarks.table import results_table
from benchmarks.workload import Workload
from benchmarks.workloads import WORKLOADS, select

WIDTH = 200  # columns of the table where stdout is no terminal
BUSY_LOAD = 0.5  # other processes that want to run, above which figures are not to be trusted


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    options = parse(arguments)
    with interruption() as request:
        try:
            status = carry_out(options)
        except AdfastError as error:
            print(f"adfast bench: {error}", file=sys.stderr)
            status = 2
        except CutOff:  # before anything was measured
            print("interrupted", file=sys.stderr)
        return request.status if request() else status


def carry_out(options: argparse.Namespace) -> int:
    """The exit status of what the options ask for; raises `AdfastError` where they cannot be."""
    check_options(options)
    check_default_record(options)
    workloads = select(options.names)
    if options.list:
        list_workloads()
        return 0
    workloads = possible(workloads)
    if options.against is not None:
        return run_against(options, workloads)
    return run(options, workloads)


def list_workloads() -> None:
    """Print every workload after its layer, and every optional rival with how to get it."""
    for workload in WORKLOADS:
        skipped = workload.why_skipped()
        print(f"{workload.layer:<18} {workload.name}{f' ({skipped})' if skipped else ''}")
    for package, state in availability():
        print(f"{'rival':<18} {package}: {state}")


def possible(workloads: list[Workload]) -> list[Workload]:
    """Those that can be timed on this machine; raises `InvalidArgument` where that is none."""
    reasons = {workload.name: workload.why_skipped() for workload in workloads}
    skipped = Counter(reason for reason in reasons.values() if reason is not None)
    if skipped.total() == len(workloads):
        raise InvalidArgument(f"nothing to time here: {workloads[0].name} {skipped.popitem()[0]}")
    for reason, number in skipped.items():
        print(f"{number} of {len(workloads)} workloads skipped: {reason}", file=sys.stderr)
    return [workload for workload in workloads if reasons[workload.name] is None]


def effort_of(options: argparse.Namespace) -> Effort:
    """How long to measure each workload."""
    effort = QUICK if options.quick else FULL
    seconds = options.seconds_per_workload
    return effort if seconds is None else replace(effort, seconds=seconds)


def run(options: argparse.Namespace, workloads: list[Workload]) -> int:
    """Time the workloads against their rivals; print and keep what was measured."""
    load_before = os.getloadavg()[0]
    if load_before > BUSY_LOAD:
        print(
            f"other programs load this machine (load average {load_before:.1f}): "
            "ratios may pass, rates do not count",
            file=sys.stderr,
        )
    if options.quick:
        print(
            "sizes are small with --quick: the table shows that all works, not how fast it is",
            file=sys.stderr,
        )
    effort = effort_of(options)
    measurements = measure_all(workloads, effort, small=options.quick)
    record = Record(
        is_quick=options.quick,
        provenance=collect_provenance() | {"rivals": versions()} | card_of(workloads),
        load_average=(load_before, os.getloadavg()[0]),
        measurements=measurements,
    )
    is_whole = len(measurements) == len(workloads)
    if not is_whole:
        print(f"{len(measurements)} of {len(workloads)} workloads were timed", file=sys.stderr)
    keep(record, options.record, is_whole=is_whole)
    show(results_table(measurements), asdict(record), options)
    return 0 if is_whole else 1


def card_of(workloads: list[Workload]) -> dict[str, str | None]:
    """What a record says of the card, if any workload ran on one."""
    devices = {workload.device for workload in workloads} - {"cpu"}
    return {"card": name_of(devices.pop())} if devices else {}


def run_against(options: argparse.Namespace, workloads: list[Workload]) -> int:
    """Judge this checkout against another commit; raises `AdfastError` when that has no tree."""
    commit = resolve_commit(options.against)
    print(f"preparing {options.against} ({commit[:12]})", file=sys.stderr, flush=True)
    tree = prepare_tree(commit)
    effort = effort_of(options)
    launcher = Launcher(
        ROOT,
        tree,
        seconds=effort.seconds / LAUNCHES,
        slice_seconds=SLICE_SECONDS,
        small=options.quick,
    )
    outcomes = judge_all(launcher, workloads)
    show(
        outcome_table(outcomes, f"{options.against} ({commit[:12]})"),
        {"against": commit, "outcomes": [outcome.describe() for outcome in outcomes]},
        options,
    )
    failed = [one for one in outcomes if one.verdict == "slower" or not one.runs_now]
    return 1 if failed or len(outcomes) < len(workloads) else 0


def measure_all(workloads: list[Workload], effort: Effort, *, small: bool) -> list[Measurement]:
    """The measurements, until a signal; says which contenders do different work."""
    measurements = []
    try:
        for number, workload in enumerate(workloads, start=1):
            print(f"[{number}/{len(workloads)}] {workload.name}", file=sys.stderr, flush=True)
            try:
                measurements.append(measure(workload, effort, small=small))
            except NotEquivalent as error:
                print(f"{workload.name}: not the same work, not timed: {error}", file=sys.stderr)
    except CutOff:
        print("interrupted", file=sys.stderr)
    return measurements


def keep(record: Record, path: Path | None, *, is_whole: bool) -> None:
    """Write the record where it was asked for; the README's one only when it is whole."""
    if path is None or not record.measurements:
        return
    if path == DEFAULT_PATH:
        if not is_whole:
            print("not all were timed: no record; --record PATH keeps a part", file=sys.stderr)
            return
        path = record.default_path
    record.write(path)
    print(f"record: {path}", file=sys.stderr)


def show(table: Table, described: Any, options: argparse.Namespace) -> None:
    """Print the table, or with `--json` what it was made of."""
    if options.json:
        print(json.dumps(described))
        return
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


if __name__ == "__main__":
    sys.exit(main())
