"""`python -m benchmarks.gpu_training`: what training and acting reach on a CUDA device.

Times the rows of the table of workloads that are training and evaluation on a card (`adfast bench
cuda` times them too), then measures memory against the context, and recall over the whole length;
judges the bars. `--small` goes through all of it in seconds at sizes that mean nothing, on the
processor too: it shows that the command works.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from adfast.models.device import describe_computing, resolve_device
from adfast.provenance import collect_provenance
from benchmarks.card_figures import Figure, figures_of
from benchmarks.card_training import precision_on
from benchmarks.measure import FULL, QUICK, measure
from benchmarks.table import results_table
from benchmarks.wording import three_digits
from benchmarks.workloads import select

WIDTH = 200  # columns of the tables where stdout is no terminal
LAYERS = ("training", "evaluation")


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 when a bar is missed at full size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_training")
    parser.add_argument("--small", action="store_true", help="small sizes; judges no bar")
    parser.add_argument("--record", type=Path, metavar="PATH", help="write the figures as JSON")
    options = parser.parse_args(arguments)
    device = resolve_device("auto" if options.small else "cuda", "device")
    measurements, figures = [], []
    for workload in select(["cuda"]):
        if workload.layer in LAYERS:
            print(workload.name, file=sys.stderr, flush=True)
            effort = QUICK if options.small else FULL
            measurements.append(measure(workload.on(device.type), effort, small=options.small))
    for figure in figures_of(device.type, small=options.small):
        print(figure.name, file=sys.stderr, flush=True)
        figures.append(replace(figure, at_least=None, at_most=None) if options.small else figure)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(results_table(measurements))
    console.print(figures_table(figures))
    if options.record is not None:
        record = {
            "provenance": collect_provenance()
            | describe_computing(device, precision_on(device.type)),
            "measurements": [asdict(measurement) for measurement in measurements],
            "figures": [asdict(figure) for figure in figures],
        }
        options.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    bars = [bar.is_met for measurement in measurements for bar in measurement.bars]
    return int(not all([*bars, *(figure.is_met for figure in figures)]))


def figures_table(figures: list[Figure]) -> Table:
    """One row for each figure."""
    table = Table("figure", "value", "unit", "bar")
    for figure in figures:
        table.add_row(figure.name, three_digits(figure.value), figure.unit, figure.verdict)
    return table


if __name__ == "__main__":
    sys.exit(main())
