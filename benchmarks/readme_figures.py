"""`python -m benchmarks.readme_figures`: writes the README's figures from the newest record."""

from __future__ import annotations

import sys
from pathlib import Path

from adfast.errors import InvalidArgument
from benchmarks import ROOT
from benchmarks.record import Measurement, Record, newest_record
from benchmarks.wording import rate_of, ratio_of, share_of, unit_of

README = ROOT / "README.md"
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"


def figure_block(record: Record, path: Path) -> str:
    """Markdown: a table of the workloads that have a bar, and where and when they were measured.

    `path` is the record's, relative to the repository.
    """
    rows = [
        "| one core | adfast | instead | ratio (quartiles) | of the limit |",
        "|---|---|---|---|---|",
        *(figure_row(m) for m in record.measurements if m.bars),
    ]
    provenance = record.provenance
    commit = str(provenance["commit"])[:9]
    source = (
        f"Medians of interleaved rounds on {provenance['processor']}, "
        f"{str(provenance['date'])[:10]}, commit {commit} ([record]({path.as_posix()})); "
        "`adfast bench` measures them on your machine."
    )
    return "\n".join([*rows, "", source])


def figure_row(measurement: Measurement) -> str:
    """One line of the table, with all rivals of the workload."""
    rivals = [(rival, rival.advantage) for rival in measurement.rivals if rival.advantage]
    cells = (
        measurement.title,
        f"{rate_of(measurement.subject, measurement)} {unit_of(measurement)}",
        "<br>".join(f"{rival.label}: {rate_of(rival, measurement)}" for rival, _ in rivals),
        "<br>".join(ratio_of(advantage) for _, advantage in rivals),
        share_of(measurement),
    )
    return f"| {' | '.join(cells)} |"


def replace_block(text: str, block: str) -> str:
    """`text` with `block` between the markers; raises `InvalidArgument` without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidArgument(f"the README must hold {BEGIN} and {END}, one after the other")
    return f"{before}{begin}\n{block}\n{end}{after}"


def main() -> None:
    """Write the README."""
    path = newest_record()
    if path is None:
        sys.exit("benchmarks/records/ holds no record; make one with: adfast bench --record")
    block = figure_block(Record.read(path), path.relative_to(ROOT))
    README.write_text(replace_block(README.read_text(encoding="utf-8"), block), encoding="utf-8")


if __name__ == "__main__":
    main()
