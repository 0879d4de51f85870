"""`adfast bench attention` on a CUDA device: the kernels on the card, kept and compared.

`attention_gpu.py` checks, times and prints; its records stand in `records/attention/`. To compare
them they are read as measurements whose subject is adfast and whose first rival is the best one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from adfast.cli.interruption import CutOff
from adfast.errors import InvalidArgument
from benchmarks.command_line import CARD_LAYER, DEFAULT_PATH
from benchmarks.guard.compare import Comparison, compare_workload
from benchmarks.record import (
    FOLDER,
    BarRecord,
    ContenderRecord,
    Measurement,
    Quartiles,
)

SUBJECT = "adfast"


def is_for_card(options: argparse.Namespace) -> bool:
    """Whether the options ask for the attention on a card that is there."""
    if options.names != [CARD_LAYER] or options.against is not None or options.list:
        return False
    import torch

    return torch.cuda.is_available()


def read_reference(path: Path, card: str) -> list[Measurement]:
    """The measurements of a record of this card; raises `InvalidArgument` for another file."""
    if path == DEFAULT_PATH:
        newest = max((FOLDER / CARD_LAYER).glob("*.json"), default=None)
        if newest is None:
            raise InvalidArgument("--compare found no record; make one with --record")
        path = newest
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        recorded, measurements = record["card"], measurements_of(record)
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise InvalidArgument(f"{path}: no record of adfast bench attention: {error!r}") from None
    if recorded != card:
        raise InvalidArgument(
            f"--compare needs a record of this card, {card}, but this one is of {recorded}; make "
            "one here at the earlier commit with --record PATH"
        )
    return measurements


def run_on_card(options: argparse.Namespace) -> tuple[list[Comparison], dict[str, Any]]:
    """What became of each workload (nothing without `--compare`), and the record.

    A signal ends the measuring; the record holds, and is kept with, what was measured till then.
    """
    from benchmarks import attention_gpu

    device = "cuda"
    record = attention_gpu.begin_record(device)
    known = [] if options.compare is None else read_reference(options.compare, record["card"])
    stdout = sys.stderr if options.json else sys.stdout
    is_whole = False
    with contextlib.suppress(CutOff), contextlib.redirect_stdout(stdout):
        attention_gpu.fill_record(record, device, small=options.quick)
        is_whole = True
    if options.record is not None and record["results"]:
        if is_whole or options.record != DEFAULT_PATH:
            path = record_path(record) if options.record == DEFAULT_PATH else options.record
            attention_gpu.write_record(record, path)
            print(f"record: {path}", file=sys.stderr)
        else:
            print("not all were timed: no record; --record PATH keeps a part", file=sys.stderr)
    if options.compare is None:
        return [], record
    by_name = {measurement.name: measurement for measurement in known}
    return [compare_workload(by_name.get(m.name), m) for m in measurements_of(record)], record


def record_path(record: dict[str, Any]) -> Path:
    """`records/attention/<date>-<card>.json`."""
    words = re.findall(r"[a-z0-9]+", record["card"].lower())
    return FOLDER / CARD_LAYER / f"{record['date'][:10]}-{'-'.join(words)}.json"


def measurements_of(record: dict[str, Any]) -> list[Measurement]:
    """A measurement for each workload of a card's record, the best rival before the others."""
    return [measurement_of(result) for result in record["results"]]


def measurement_of(result: dict[str, Any]) -> Measurement:
    """One workload; rates in live scores per second."""
    workload, rows, best = result["workload"], result["rows"], result["best_rival"]
    own = [name for name in rows if name == SUBJECT or name.startswith(f"{SUBJECT},")]
    rivals = sorted(set(rows) - set(own), key=lambda name: (name != best, name))
    scores = float(workload["live_scores"])
    subject = np.array(rows[SUBJECT]["seconds"])
    contenders = [contender_of(SUBJECT, "subject", scores, subject, None)]
    contenders += [
        contender_of(name, "rival", scores, np.array(rows[name]["seconds"]), subject)
        for name in rivals
    ]
    bars = []
    if workload["bar"] is not None and rivals:
        value = float(result["ratio_to_best_rival"])
        bars.append(
            BarRecord(
                quantity="ratio",
                at_least=workload["bar"],
                at_most=None,
                value=value,
                is_met=value >= workload["bar"],
            )
        )
    return Measurement(
        name=workload["name"],
        title=workload["name"],
        layer=CARD_LAYER,
        unit="live scores",
        arguments={name: value for name, value in workload.items() if name != "bar"},
        bytes_per_unit=None,
        set_up_seconds=0.0,
        contenders=contenders,
        bars=bars,
    )


def contender_of(
    label: str, role: Any, work: float, seconds: np.ndarray, subject: np.ndarray | None
) -> ContenderRecord:
    """What a record says of one contender."""
    return ContenderRecord(
        label=label,
        role=role,
        work=work,
        calls_per_sample=1,
        warm_up_seconds=0.0,
        rate=Quartiles.of(work / seconds),
        advantage=None if subject is None else Quartiles.of(seconds / subject),
        seconds=[float(value) for value in seconds],
    )
