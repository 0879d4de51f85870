"""`python -m benchmarks.cache_return RUN ...`: what finished runs earn with either key/value cache.

Each run's model acts on its held-out tasks as its recipe says, once with the cache in float32 and
once in bfloat16, on the same random streams. The exit status is 1 when a mean differs by more than
`ALLOWED`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.engine import (
    SETTINGS,
    evaluate,
    load_model,
    load_recipe,
    make_family,
    make_split,
    newest_checkpoint,
)

ALLOWED = 0.2  # of return


def returns_of(run: Path, cache: str) -> np.ndarray:
    """float64 `[episodes]`: the mean over held-out tasks and seeds with the cache in `cache`."""
    config = load_recipe(run / SETTINGS)
    checkpoint = newest_checkpoint(run / "checkpoints")
    if checkpoint is None:
        sys.exit(f"{run}: no checkpoint; train it first: adfast train {run}")
    family = make_family(config)
    settings = config.evaluation
    played = evaluate(
        load_model(checkpoint),
        family,
        make_split(config, family).held_out,
        episodes=settings.episodes,
        seeds=settings.seeds,
        temperature=settings.temperature,
        seed=config.seed,
        device="cpu",
        precision="float32",
        cache=cache,  # type: ignore[arg-type]
        progress=False,
    )
    return np.asarray(played.returns.mean(axis=(0, 1)))


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    torch.set_num_threads(1)
    is_close = True
    print("| run | float32 | bfloat16 | difference | of the last ten episodes |")
    print("|---|---|---|---|---|")
    for run in parser.parse_args().runs:
        exact, rounded = returns_of(run, "float32"), returns_of(run, "bfloat16")
        whole, last = (rounded - exact).mean(), (rounded - exact)[-10:].mean()
        is_close &= max(abs(whole), abs(last)) <= ALLOWED
        cells = f"{exact.mean():.3f} | {rounded.mean():.3f} | {whole:+.3f} | {last:+.3f}"
        print(f"| {run.name} | {cells} |", flush=True)
    return int(not is_close)


if __name__ == "__main__":
    sys.exit(main())
