"""`STUDY.csv`: every row of every panel, published and ours."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from adfast.report.reproduction.matrix import parts_of
from adfast.runs.reproduction.pooled import PooledPanel

COLUMNS = (
    "panel", "row", "level", "published", "seeds", "episodes", "first_episode", "measure", "value",
    "low", "high", "share_of_optimum", "training_tasks", "transitions", "source_steps", "missing",
)  # fmt: skip


def csv_table(panels: Sequence[PooledPanel]) -> bytes:
    """The content of the table; what is not known is empty."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for panel in panels:
        if panel.matrix is not None:
            writer.writerows(fields_of(panel))
            continue
        for row in panel.rows:
            about = row.row
            columns: dict[str, object] = {
                "panel": panel.panel.title,
                "row": about.label,
                "level": about.level,
                "published": None if about.published is None else about.published.words,
                "missing": row.lacks,
            }
            if (pooled := row.pooled) is not None:
                data = pooled.data
                columns |= {
                    "seeds": len(pooled.seeds),
                    "episodes": len(pooled.in_context.mean),
                    "first_episode": round(pooled.in_context.mean[0], 4),
                    "measure": panel.panel.measure,
                    "value": rounded(row.value),
                    "low": rounded(row.interval and row.interval[0]),
                    "high": rounded(row.interval and row.interval[1]),
                    "share_of_optimum": rounded(pooled.share_of_optimal),
                    "training_tasks": None if data is None else data.tasks,
                    "transitions": None if data is None else data.transitions,
                    "source_steps": None if data is None else data.source_steps,
                }
            writer.writerow(columns)
    return text.getvalue().encode()


def fields_of(panel: PooledPanel) -> Iterator[dict[str, object]]:
    """A row for each field of a matrix, whose level is its column."""
    matrix, filled = parts_of(panel)
    for line, fields in zip(matrix.lines, filled.fields, strict=True):
        for column, found in zip(matrix.columns, fields, strict=True):
            if column not in line.fields:
                continue
            place: dict[str, object] = {"panel": matrix.title, "row": line.label, "level": column}
            if found is None:
                yield place | {"missing": "not run yet"}
                continue
            yield place | {
                "seeds": found.seeds,
                "measure": "improvement",
                "value": rounded(found.value),
                "low": rounded(found.low),
                "high": rounded(found.high),
            }


def rounded(value: float | None) -> float | None:
    """A number to four digits."""
    return None if value is None else round(value, 4)
