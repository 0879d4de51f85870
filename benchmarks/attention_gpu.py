"""`python -m benchmarks.attention_gpu`: the Triton attention on the card at hand, in ten minutes.

Checks the kernels against the definition in float64, then times the rows of the table of workloads
that are attention on a card, with every rival that is importable: picoseconds per live score (a
pair of a query and a key that it sees, of one head), share of the floor, and ratios. Needs torch,
Triton and NumPy, nothing else; what `adfast bench cuda` times besides needs all of adfast. A red
check ends the run before anything is timed. `--small` goes through all of it at sizes that mean
nothing, with TRITON_INTERPRET=1 on a CPU too.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import triton

from adfast.provenance import package_versions, processor_name
from benchmarks import attention_checks as checks
from benchmarks import device as devices
from benchmarks.measure import FULL, measure
from benchmarks.pair_timer import Effort
from benchmarks.record import ContenderRecord, Measurement, Record
from benchmarks.wording import bandwidth_of, bar_of, rate_of, ratio_of, unit_of
from benchmarks.workload import Workload
from benchmarks.workloads import select

SMALL = (
    "cuda-attention-causal-head-16",
    "cuda-attention-variants-window-256",
    "cuda-attention-decode-512",
)
ONCE = Effort(seconds=0.0, sample_seconds=0.0, min_rounds=1)
LONGEST, SMALL_LONGEST = 1 << 20, 20  # tokens of what is checked beforehand


def rows(device: str, *, small: bool) -> list[Workload]:
    """What is timed: attention on a card, or a few of it where kernels are interpreted."""
    chosen = [workload for workload in select(["cuda"]) if workload.layer == "attention"]
    return [w.on(device) for w in chosen if not small or w.name in SMALL]


def lines_of(measurement: Measurement) -> list[str]:
    """What is printed of one workload."""
    lines = [f"\n{measurement.title}"]
    prepared = measurement.notes.get("preparation_seconds", {})
    floor = measurement.notes.get("floor_seconds")
    for contender in measurement.contenders:
        cells = [f"  {contender.label:24} {speed_of(contender, measurement)}"]
        if floor is not None:
            cells.append(f"{floor * contender.rate.median:6.1%} of the floor")
        if contender.advantage is not None:
            cells.append(f"adfast {ratio_of(contender.advantage)}")
        if contender.label in prepared:
            cells.append(f"prepared in {prepared[contender.label] * 1e3:.1f} ms")
        lines.append("  ".join(cells))
    left_out = measurement.notes.get("left_out", {})
    lines += [f"  {name:24} left out: {reason}" for name, reason in left_out.items()]
    return [*lines, *(f"  {bar_of(bar)}" for bar in measurement.bars)]


def speed_of(contender: ContenderRecord, measurement: Measurement) -> str:
    """Picoseconds per live score; of a decode step its rate and its bandwidth."""
    if measurement.unit == "live scores":
        return f"{1e12 / contender.rate.median:8.3f} ps/score"
    rate = f"{rate_of(contender, measurement)} {unit_of(measurement)}"
    return f"{rate}, {bandwidth_of(measurement)}"


def provenance_of(device: str) -> dict[str, Any]:
    """What was measured on, and with what; takes no compiled extension."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "card": devices.name_of(device) or "none, interpreted",
        "versions": package_versions()
        | {"cuda": str(torch.version.cuda), "python": sys.version.split()[0]},
    }


def main(arguments: list[str] | None = None) -> int:
    """Check, time, print, record; the exit status is 1 when a check fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention_gpu")
    parser.add_argument("--small", action="store_true", help="sizes that mean nothing")
    parser.add_argument("--record", type=Path, metavar="PATH", help="write the figures as JSON")
    options = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not (options.small and triton.knobs.runtime.interpret):
        parser.error("needs a CUDA device; or set TRITON_INTERPRET=1 and pass --small")
    failures = checks.failures(device, longest=SMALL_LONGEST if options.small else LONGEST)
    if failures and device == "cuda":  # the interpreter cuts bfloat16 off instead of rounding
        print("checks failed:", *failures, sep="\n", file=sys.stderr)
        return 1
    print("checks passed", flush=True)
    load_before = os.getloadavg()[0]
    measurements = []
    for workload in rows(device, small=options.small):
        effort = FULL if device == "cuda" else ONCE
        measurements.append(measure(workload, effort, small=options.small))
        print(*lines_of(measurements[-1]), sep="\n", flush=True)
    if options.record is not None:
        Record(
            is_quick=options.small,
            provenance=provenance_of(device),
            load_average=(load_before, os.getloadavg()[0]),
            measurements=measurements,
        ).write(options.record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
