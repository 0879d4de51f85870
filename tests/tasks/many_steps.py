"""Every shipped family, in all its options, beside its plain-Python twin: `make twins`.

Random steps of drawn tasks, seeds and random streams, a share of `--steps` for each row of
`twins.CASES`. The simulator takes them twice: all environments in one batch, and in a drawn order,
in batches of drawn widths, on a drawn number of threads. Every bit must be the twin's. `--seed`
gives other steps, `--family` those of one family alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from adfast import tasks
from tasks.long_run import assert_follows_twin
from tasks.twins import CASES

ROUND = 2**17  # steps that are held in memory
FEWEST, MOST = 16, 256  # environments of a round


def take_steps(name: str, variant: str, steps: int, seed: int) -> tuple[int, str]:
    """At least so many random steps of a case: how many, and what differs from the twin, if so."""
    options, twin_of = CASES[name, variant]
    family = tasks.make(name, **options)
    draws = np.random.default_rng([seed, *f"{name} {variant}".encode()])
    done = 0
    while done < steps:
        count = int(draws.integers(FEWEST, MOST + 1))
        length = -(-min(ROUND, steps - done) // count)
        episodes = -(-length // family.episode_length)
        task_ids = draws.integers(family.num_tasks, size=count)
        try:
            assert_follows_twin(family, twin_of, task_ids, episodes, int(draws.integers(2**63)))
        except AssertionError as difference:
            return done, str(difference)
        done += count * episodes * family.episode_length
    return done, ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the steps and print a table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=sorted({name for name, _ in CASES}))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    cases = [case for case in CASES if options.family in (None, case[0])]
    share = -(-options.steps // len(cases))
    begun, total, wrong = time.monotonic(), 0, 0
    spawn = multiprocessing.get_context("spawn")  # numba's threads do not survive a fork
    with ProcessPoolExecutor(options.processes, mp_context=spawn) as processes:
        rows = [processes.submit(take_steps, *case, share, options.seed) for case in cases]
        for (name, variant), row in zip(cases, rows, strict=True):
            steps, difference = row.result()
            print(f"{name:16} {variant:24} {steps:12,}  {difference or 'equal'}", flush=True)
            total, wrong = total + steps, wrong + bool(difference)
    print(f"{total:,} steps in {time.monotonic() - begun:.0f} s, {wrong} of {len(cases)} differ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
