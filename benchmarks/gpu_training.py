"""`python -m benchmarks.gpu_training`: what training and acting reach on a CUDA device.

Measures speed against the three-token model and against recomputing, memory against the context,
one full-causal step and one windowed step of a million transitions, and recall over the whole
length; prints a row per figure, each with its receptive field, and judges the bars. `--small` goes
through all of it in seconds at sizes that mean nothing, on the processor too: it shows that the
command works.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from adfast.models.device import describe_computing, resolve_device
from adfast.provenance import collect_provenance
from benchmarks.gpu_measurements import SMALL, Bench, Sizes

WIDTH = 150  # columns of the table where stdout is no terminal


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 when a bar is missed at full size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_training")
    parser.add_argument("--small", action="store_true", help="small sizes; judges no bar")
    parser.add_argument("--record", type=Path, metavar="PATH", help="write the figures as JSON")
    options = parser.parse_args(arguments)
    device = resolve_device("auto" if options.small else "cuda", "device")
    bench = Bench(SMALL if options.small else Sizes(), device)
    table = Table("figure", "value", "unit", "receptive field", "bar")
    figures = []
    for figure in bench.measure():
        print(f"{figure.name}: {figure.value:.4g} {figure.unit}", file=sys.stderr, flush=True)
        if options.small:
            figure = replace(figure, at_least=None, at_most=None)
        figures.append(figure)
        value = f"{figure.value:,.4g}"
        table.add_row(figure.name, value, figure.unit, figure.receptive_field, figure.verdict)
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)
    if options.record is not None:
        record: dict[str, Any] = {
            "provenance": collect_provenance() | describe_computing(device, bench.precision),
            "sizes": asdict(bench.sizes),
            "figures": [asdict(figure) for figure in figures],
        }
        options.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(any(figure.verdict.startswith("MISSES") for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
