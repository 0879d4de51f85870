"""`python -m benchmarks.guard.trial`: whether `--against` finds a slow-down, and nothing else.

In a clone of the committed checkout it plants slow-downs of a tenth, one after the other, and runs
`adfast bench --against HEAD`, which must find each; then runs it on the unchanged clone again and
again, which must find nothing. It builds the extension four times and takes minutes for each run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.guard.plants import PLANTS
from benchmarks.guard.scratch_tree import build_extension, git

EQUAL_NAMES = ("dark-room-step-64", "ring-append-block")


@dataclass(frozen=True)
class Run:
    """One `adfast bench NAMES --against HEAD`: its exit status and the outcomes it printed."""

    status: int
    outcomes: list[dict[str, Any]]

    @property
    def has_alarm(self) -> bool:
        """Whether something was said to be slower."""
        return self.status != 0 or any(one["verdict"] == "slower" for one in self.outcomes)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 when a plant was missed or equals raised an alarm."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard.trial")
    parser.add_argument("--equal-runs", type=int, default=20, metavar="N", help="(default: 20)")
    parser.add_argument(
        "--equal-names",
        nargs="+",
        default=EQUAL_NAMES,
        metavar="NAME",
        help=f"workloads of the equal runs (default: {' '.join(EQUAL_NAMES)})",
    )
    parser.add_argument("--no-plants", action="store_true", help="equal runs alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="adfast-trial-") as folder:
        tree = Path(folder) / "adfast"
        git(ROOT, "clone", "--quiet", "--shared", str(ROOT), str(tree))
        build_extension(tree)
        missed = [] if options.no_plants else missed_plants(tree)
        alarms = 0
        for number in range(1, options.equal_runs + 1):
            run = run_against_head(tree, options.equal_names)
            alarms += run.has_alarm
            print(f"equal run {number}: {describe(run)}; {alarms} alarms so far", flush=True)
    planted = 0 if options.no_plants else len(PLANTS)
    print(
        f"planted slow-downs found: {planted - len(missed)} of {planted}; "
        f"false alarms: {alarms} in {options.equal_runs} runs of equal commits"
    )
    return 1 if missed or alarms else 0


def missed_plants(tree: Path) -> list[str]:
    """The kernels whose planted slow-down was not found."""
    missed = []
    for plant in PLANTS:
        plant.put_into(tree)
        if plant.is_compiled_ahead:
            build_extension(tree)
        run = run_against_head(tree, [plant.workload])
        print(f"a tenth planted in {plant.kernel}: {describe(run)}", flush=True)
        if not run.has_alarm:
            missed.append(plant.kernel)
        git(tree, "checkout", "--quiet", ".")
        if plant.is_compiled_ahead:
            build_extension(tree)
    return missed


def run_against_head(tree: Path, names: list[str] | tuple[str, ...]) -> Run:
    """`adfast bench` of the clone against its own commit."""
    command = [sys.executable, "-P", "-m", "benchmarks", *names, "--against", "HEAD", "--json"]
    ended = subprocess.run(
        command,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        text=True,
    )
    outcomes = json.loads(ended.stdout)["outcomes"] if ended.stdout else []
    return Run(ended.returncode, outcomes)


def describe(run: Run) -> str:
    """The verdicts and by how much a unit takes longer."""
    parts = [
        f"{one['name']} {one['verdict']} {100 * (one['factor_of_time'] - 1):+.1f}% "
        f"({one['launches']} launches)"
        for one in run.outcomes
        if one["verdict"] is not None
    ]
    return ", ".join(parts) or f"exit status {run.status}"


if __name__ == "__main__":
    sys.exit(main())
