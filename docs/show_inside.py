"""Put the probes that look inside to models whose answer is known, in docs/results/inside.md.

`python docs/show_inside.py` trains three kinds in a small room from three seeds each (some two
minutes each on one core, in runs/inside), asks both probes of each, unless that is done, and writes
what they find beside the verdicts that are right (`EXPECTED` of each probe), and what they can see.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import adfast
from adfast import random_streams
from adfast.probes.calibration import SEEN, counted, pair_of
from adfast.probes.evidence import Evidence, Verdict, evidence, judged, verdict_of
from adfast.probes.finding import Finding, judged_findings
from adfast.probes.inside import beliefs, mechanism
from adfast.runs.probing.findings import read_findings

RESULTS = Path(__file__).resolve().parent / "results" / "inside.md"
PROBES = {"beliefs": beliefs.EXPECTED, "mechanism": mechanism.EXPECTED}
TUNED_ON = 0  # the training seed whose models the rules were made with
NEW = (21, 22)  # those that no rule has seen
SAMPLES = ((1, 12), (5, 16))  # models and their held-out tasks: of this page, of the critique's
SHARES = tuple(round(0.1 * tenths, 1) for tenths in range(11))
REPEATS = 200

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

HEAD = f"""# Inside models whose answer is known

Two layers of four heads, width 64, in a Dark Room of 7 x 7 with 12 held-out goals, trained on
histories of posterior sampling, of the critique's heuristic, and of posterior sampling with the
rewards of other tasks. The verdicts that are right were stated before: posterior sampling draws a
goal from those that may be, so both claims hold; the heuristic goes back to what was paid, and
holds nothing of where it was before; where rewards were another task's, neither claim can hold.

A training seed decides the goals, the histories and the weights. The rules were made with the
models of seed {TUNED_ON}, that of `mechanism` in three attempts: what is right there says little.
Seeds {", ".join(map(str, NEW))} were trained after the rules were committed, asked once, and are
shown as they came out. Made by `python docs/show_inside.py`.
"""

NOTES = {
    "mechanism": """
Never wrong, it leaves most models of new seeds undecided. Where the claim is true that is always
the second piece: what is lost without the heads that read rewards, less what is lost without as
many others, has an interval that holds 0, perhaps since heads stand in for each other. What was
measured on the model that the rule was made with does not hold of its like. The other two pieces
lie above their thresholds in every model of which the claim is true, and in none of which it is
not. Of the model of shuffled rewards that is undecided all three intervals hold their threshold.
"""
}

POWER = f"""
## What they can see

Two models cannot be mixed as two agents can. The nearest thing that is honest mixes what was
measured, task by task: with some probability a task's evidence is that of a task of a model of
which the claim is true, else of one of which it is not, both drawn from all of the new seeds. So
the share below is that of the tasks in which the claim holds. Of each share {REPEATS} such samples
are judged by the rule, each probe by itself. A model that does something half as much in every
task varies less between tasks than such a mixture, and is seen rather sooner.

| probe | mixed | judged | supported where the claim holds in no, half of, all tasks | seen in \
{SEEN:.0%} of the samples from a share of | its evidence is then, on average |
|---|---|---|---|---|---|
"""


def found_of(kind: str, seed: int, folder: Path) -> dict[str, Finding]:
    """What both probes find of a model trained on `kind` from a seed; what is missing is made."""
    path = folder / f"{kind.replace(' ', '-')}-seed-{seed}"
    if not path.exists():
        adfast.Run.create("dark-room", path, {**ROOM, **TRAINED_ON[kind], "seed": seed})
    found = read_findings(path)
    if found.keys() >= PROBES.keys():
        return found
    run = adfast.Run.open(path)
    run.carry_out()
    return run.probe(list(PROBES))


def row(kind: str, seeds: str, right: str, found: Finding) -> str:
    """What was found of models: the verdict, and all evidence with its interval."""
    pieces = [
        f"{piece.name}: {piece.mean:.3f} ({interval(piece.low, piece.high)}; threshold "
        f"{piece.threshold:g}, n = {piece.num_tasks})"
        for piece in found.evidence
    ]
    verdict = found.verdict or f"not answered: {found.unanswered}"
    return f"| {kind} | {seeds} | {right} | {verdict} | {'<br>'.join(pieces)} |\n"


def interval(low: float | None, high: float | None) -> str:
    """From where to where, where there is one."""
    return "too few tasks" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def score(expected: Mapping[str, Verdict], found: Mapping[str, Sequence[Finding]]) -> str:
    """How many verdicts on the models of new seeds are right."""
    verdicts = [(expected[kind], each.verdict) for kind in found for each in found[kind]]
    right = sum(verdict == wanted for wanted, verdict in verdicts)
    undecided = sum(verdict not in ("supported", "refuted") for _, verdict in verdicts)
    return (
        f"Of {len(verdicts)} models of new seeds {right} verdicts are right, "
        f"{len(verdicts) - right - undecided} wrong, {undecided} undecided.\n\n"
    )


def together(findings: Sequence[Mapping[str, Finding]]) -> dict[str, Finding]:
    """The findings of both probes on several models, judged as one on how these were made."""
    merged = {}
    for probe in PROBES:
        own = [found[probe] for found in findings]
        values = zip(*(each.evidence for each in own), strict=True)
        merged[probe] = own[0].model_copy(update={"evidence": tuple(map(of_all, values))})
    return judged_findings(merged)


def of_all(pieces: Sequence[Evidence]) -> Evidence:
    """One piece of evidence with the values of all models."""
    values = tuple(of_model for piece in pieces for of_model in piece.values)
    return pieces[0].model_copy(update={"values": values})


def sample(
    true: Sequence[Evidence], false: Sequence[Evidence], share: float, size: tuple[int, int], n: int
) -> list[Evidence]:
    """The n-th sample of a mixture, judged: in a `share` of the tasks `true` has its values."""
    models, tasks = size
    offset, mask = random_streams.stream_keys(n, random_streams.BOOTSTRAP, np.arange(2 * models))
    keys = [
        random_streams.step_keys(*both, tasks) / 2.0**32 for both in zip(offset, mask, strict=True)
    ]
    pieces = []
    for one, other in zip(true, false, strict=True):
        known, unknown = (np.concatenate(piece.values) for piece in (one, other))
        drawn = [
            np.where(
                is_true < share,
                known[(place * len(known)).astype(int)],
                unknown[(place * len(unknown)).astype(int)],
            )
            for is_true, place in zip(keys[:models], keys[models:], strict=True)
        ]
        assert one.supports == "above"
        pieces.append(evidence(one.name, drawn, above=one.threshold))
    return judged(pieces)


def power(probe: str, found: Mapping[str, Sequence[Finding]]) -> Iterator[str]:
    """A row for each size of sample: what share of tasks it takes for a claim to be supported."""
    pair = pair_of(PROBES[probe], list(found))
    assert pair is not None, "each probe expects both verdicts"
    true, false = (
        [of_all(same) for same in zip(*(each.evidence for each in found[kind]), strict=True)]
        for kind in pair
    )
    for size in SAMPLES:
        samples = {s: [sample(true, false, s, size, n) for n in range(REPEATS)] for s in SHARES}
        supported = {
            share: counted(map(verdict_of, of_share))["supported"] / REPEATS
            for share, of_share in samples.items()
        }
        ends = ", ".join(f"{supported[share]:.0%}" for share in (0.0, 0.5, 1.0))
        least = next((share for share in SHARES if supported[share] >= SEEN), None)
        means = "" if least is None else ", ".join(
            f"{np.mean([made[place].mean for made in samples[least]]):.2g}"
            for place in range(len(true))
        )  # fmt: skip
        models = "1 model" if size[0] == 1 else f"{size[0]} models"
        yield (
            f"| {probe} | {pair[0]} with {pair[1]} | {models} of {size[1]} tasks | {ends} | "
            f"{'none' if least is None else f'{least:.0%}'} | {means} |\n"
        )


def main() -> None:
    """Train, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/inside"))
    folder = parser.parse_args().runs
    found = {
        (kind, seed): found_of(kind, seed, folder)
        for seed in (TUNED_ON, *NEW)
        for kind in TRAINED_ON
    }
    text = HEAD
    new = {kind: [found[kind, seed] for seed in NEW] for kind in TRAINED_ON}
    of_new = {probe: {k: [each[probe] for each in new[k]] for k in new} for probe in PROBES}
    for probe, expected in PROBES.items():
        text += f"\n## {probe}\n\n" + score(expected, of_new[probe])
        text += "| trained on | training seed | right | found | evidence |\n|---|---|---|---|---|\n"
        for kind in TRAINED_ON:
            for seed in (*NEW, TUNED_ON):
                name = f"{seed}, tuned on" if seed == TUNED_ON else f"{seed}"
                text += row(kind, name, expected[kind], found[kind, seed][probe])
            of_method = together(new[kind])[probe]
            text += row(kind, "the new ones together", expected[kind], of_method)
        text += NOTES.get(probe, "")
    text += POWER + "".join(line for probe in PROBES for line in power(probe, of_new[probe]))
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
