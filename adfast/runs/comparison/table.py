"""`comparison.csv`: every point of every curve as a row, what the method saw beside it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from adfast.runs.comparison.record import ComparisonResults, MethodResults
from adfast.runs.comparison.verdicts import Judged

TABLE = "comparison.csv"
COLUMNS = (
    "method", "curve", "episode", "environment_steps", "update", "seconds", "transitions",
    "return", "low", "high", "training_seeds", "training_tasks", "data_transitions",
    "source_steps", "verdict",
)  # fmt: skip


def csv_table(comparison: ComparisonResults) -> bytes:
    """The content of the table; what is not known is empty."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for method in comparison.methods:
        writer.writerows(seen(method) | row for row in rows_of(method))
    writer.writerows(reference_rows(comparison))
    writer.writerows(map(verdict_row, comparison.verdicts))
    # A label may hold what UTF-8 has no bytes for, such as half of a surrogate pair.
    return text.getvalue().encode("utf-8", errors="replace")


def seen(method: MethodResults) -> dict[str, Any]:
    """The columns that are the same in all rows of a method."""
    columns: dict[str, Any] = {"method": method.label, "training_seeds": len(method.seeds)}
    if (data := method.data) is not None:
        columns |= {
            "training_tasks": data.tasks,
            "data_transitions": data.transitions,
            "source_steps": data.source_steps,
        }
    return columns


def rows_of(method: MethodResults) -> Iterator[dict[str, Any]]:
    """The points of a method's curves: in context, and while training."""
    curve = method.in_context
    steps = curve.environment_steps or (None,) * len(curve.mean)
    points = zip(steps, curve.mean, curve.low, curve.high, strict=True)
    for episode, (acted, mean, low, high) in enumerate(points, start=1):
        yield {
            "curve": "in context", "episode": episode, "environment_steps": acted,
            "return": mean, "low": low, "high": high,
        }  # fmt: skip
    if (training := method.training) is None:
        return
    none = (None,) * len(training.mean)
    for update, seconds, transitions, mean, low, high in zip(
        training.updates, training.seconds, training.transitions, training.mean,
        training.low or none, training.high or none, strict=True,
    ):  # fmt: skip
        yield {
            "curve": "while training", "update": update, "seconds": seconds,
            "transitions": transitions, "return": mean, "low": low, "high": high,
        }  # fmt: skip


def verdict_row(found: Judged) -> dict[str, Any]:
    """What a claim was decided by, and how."""
    return {
        "method": found.method, "curve": found.claim, "return": found.value, "low": found.low,
        "high": found.high, "training_seeds": found.seeds, "verdict": found.verdict,
    }  # fmt: skip


def reference_rows(comparison: ComparisonResults) -> Iterator[dict[str, Any]]:
    """The references: a level is a row without an episode."""
    references = comparison.references
    for name, level in (("random", references.random), ("optimum", references.optimal)):
        if level is not None:
            yield {"method": name, "curve": "reference", "return": level}
    for name, values in (("source", references.source), ("source, kept", references.source_kept)):
        for episode, value in enumerate(values or (), start=1):
            yield {"method": name, "curve": "reference", "episode": episode, "return": value}
