"""Put the probes that look inside to models whose answer is known, in docs/results/inside.md.

`python docs/show_inside.py` trains three in a small room, unless they are there (some two minutes
each on one core, in runs/inside), asks both probes of each, and writes what they find beside the
verdicts that are right (`EXPECTED` of each probe).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import adfast
from adfast.probes import beliefs, mechanism
from adfast.probes.finding import Finding

RESULTS = Path(__file__).resolve().parent / "results" / "inside.md"
PROBES = {"beliefs": beliefs.EXPECTED, "mechanism": mechanism.EXPECTED}

ROOM: Mapping[str, Any] = {
    "family.options.size": 7,
    "family.options.episode_length": 14,
    "collection.episodes": 24,
    "collection.keep_every": 1,
    "collection.held_out": 12,
    "collection.validation": 6,
    "model.attention_window": 256,
    "training.updates": 1200,
    "training.batch_size": 16,
    "training.context_length": 336,
    "training.evaluate_every": 400,
    "training.threads": 1,
    "evaluation.episodes": 24,
    "evaluation.seeds": 4,
    "evaluation.temperature": 1.0,
}
DRAWN = {"collection.algorithm": "posterior-sampling", "collection.options.redraws": True}
TRAINED_ON: Mapping[str, Mapping[str, Any]] = {
    "posterior-sampling": DRAWN,
    "heuristic": {"collection.algorithm": "heuristic"},
    "shuffled rewards": {**DRAWN, "training.rewards": "foreign"},
}

HEAD = """# Inside models whose answer is known

Two layers of four heads, width 64, in a Dark Room of 7 x 7 with 12 held-out goals, trained on
histories of posterior sampling, of the critique's heuristic, and of posterior sampling with the
rewards of other tasks. The verdicts that are right were stated before: posterior sampling draws a
goal from those that may be, so both claims hold; the heuristic goes back to what was paid, and
holds nothing of where it was before; where rewards were another task's, neither claim can hold.
Made by `python docs/show_inside.py`.
"""


def trained(name: str, folder: Path) -> adfast.Run:
    """The run of a model trained on `name`, carried out where it is not."""
    path = folder / name.replace(" ", "-")
    if not path.exists():
        adfast.Run.create("dark-room", path, {**ROOM, **TRAINED_ON[name]}).carry_out()
    return adfast.Run.open(path)


def row(name: str, expected: str, found: Finding) -> str:
    """What was found of a model: the verdict, and all evidence with its interval."""
    pieces = [
        f"{piece.name}: {piece.mean:.3f} ({interval(piece.low, piece.high)}; threshold "
        f"{piece.threshold:g}, n = {piece.num_tasks})"
        for piece in found.evidence
    ]
    return f"| {name} | {expected} | {found.verdict} | {'<br>'.join(pieces)} |\n"


def interval(low: float | None, high: float | None) -> str:
    """From where to where, where there is one."""
    return "too few tasks" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def main() -> None:
    """Train, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/inside"))
    runs = {name: trained(name, parser.parse_args().runs) for name in TRAINED_ON}
    findings = {name: run.probe(list(PROBES)) for name, run in runs.items()}
    text = HEAD
    for probe, expected in PROBES.items():
        text += f"\n## {probe}\n\n| trained on | right | found | evidence |\n|---|---|---|---|\n"
        text += "".join(row(name, expected[name], findings[name][probe]) for name in runs)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
