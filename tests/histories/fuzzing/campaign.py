"""Fuzzes the openers of history stores: `make fuzz`.

Each input is one number: `--first N --executions 1` repeats input N. Stops after `--executions` or
`--seconds`, whichever comes first, and at the first findings; exit status 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from fuzzing.attempt import Finding, attempt
from fuzzing.mutations import mutate
from fuzzing.seed_stores import StoreBytes, read_corpus

FILES_EVERY = 64  # one execution in so many goes through files and memory maps
MAX_FINDINGS = 10


def input_of(corpus: list[StoreBytes], seed: int, number: int) -> StoreBytes:
    """Input `number` of the campaign with this seed."""
    random = Random(f"{seed}:{number}")
    return mutate(random.choice(corpus), random)


def fuzz(
    first: int, executions: int, *, seed: int = 0, seconds: float = float("inf"), report: float = 30
) -> tuple[Counter[str], list[str]]:
    """Counts of what became of the inputs, and the findings, each with its number."""
    corpus = read_corpus()
    counts: Counter[str] = Counter()
    findings: list[str] = []
    start = reported = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + executions):
            store = input_of(corpus, seed, number)
            through_files = number % FILES_EVERY == 0
            try:
                is_open = attempt(store, Path(folder) / "store" if through_files else None)
                counts["opened" if is_open else "refused"] += 1
            except Finding as finding:
                findings.append(f"{number}: {finding}")
                print(findings[-1], flush=True)
            counts["executions"] += 1
            counts["through files"] += through_files
            now = time.monotonic()
            if now - reported > report:
                reported = now
                print(f"{describe(counts, now - start)}, {len(findings)} findings", flush=True)
            if now - start > seconds or len(findings) >= MAX_FINDINGS:
                break
    print(f"{describe(counts, time.monotonic() - start)}, {len(findings)} findings", flush=True)
    return counts, findings


def describe(counts: Counter[str], seconds: float) -> str:
    """The counts and the rate, in words."""
    shown = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    return f"{shown}, {counts['executions'] / seconds:,.0f}/s"


def main() -> int:
    """Run a campaign; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    _, findings = fuzz(
        arguments.first, arguments.executions, seed=arguments.seed, seconds=arguments.seconds
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
