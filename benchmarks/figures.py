"""`python -m benchmarks.figures`: writes the tables of README and docs from the newest records.

Every processor keeps records of its own, and the newest of each is shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adfast.errors import InvalidArgument
from benchmarks import ROOT
from benchmarks.record import FOLDER, Measurement, Record, newest_records
from benchmarks.wording import bar_of, rate_of, ratio_of, share_of, unit_of

README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
CARD_RECORDS = FOLDER / "cards"
RIVAL_RECORDS = FOLDER / "rivals"

Linked = tuple[Record, str]  # a record, and the link to it


@dataclass(frozen=True)
class Place:
    """Between the markers `<!-- NAME:begin -->` and `<!-- NAME:end -->` of `file` stands `write`.

    `write` takes the folder that links are relative to.
    """

    file: Path
    name: str
    write: Callable[[Path], str]

    def written(self, text: str) -> str:
        """`text` of the file with its figures; raises `InvalidArgument` without the markers."""
        begin, end = f"<!-- {self.name}:begin -->", f"<!-- {self.name}:end -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found_begin or not found_end:
            raise InvalidArgument(
                f"{self.file.name} must hold {begin} and {end}, one after the other"
            )
        return f"{before}{begin}\n{self.write(self.file.parent)}\n{end}{after}"


def bars_of_newest(folder: Path) -> str:
    """The workloads that have a bar, every processor beside the others."""
    return compared_block(newest_of_all(folder))


def all_of_newest(folder: Path) -> str:
    """All workloads with their bars, a table for each processor."""
    return "\n\n".join(figure_block(record, link) for record, link in newest_of_all(folder))


def newest_of_all(folder: Path) -> list[Linked]:
    """The newest record of each processor; raises `InvalidArgument` where there is none."""
    paths = newest_records()
    if not paths:
        raise InvalidArgument(
            "benchmarks/records/ holds no record; make one: adfast bench --record"
        )
    return [(Record.read(path), link_to(path, folder)) for path in paths.values()]


def compared_block(records: Sequence[Linked]) -> str:
    """Markdown: workloads with a bar in any of `records`, and of each what it has of them."""
    heads = ["one core", "instead", *(record.processor for record, _ in records)]
    known = [{m.name: m for m in record.measurements} for record, _ in records]
    found = (m for of_one in known for m in of_one.values())
    names = dict.fromkeys(m.name for m in found if m.bars and m.device == "cpu")
    rows = []
    for name in names:
        first = next(of_one[name] for of_one in known if name in of_one)
        rivals = "<br>".join(rival.label for rival in first.rivals)
        cells = (compared_cell(of_one.get(name)) for of_one in known)
        rows.append([first.title, rivals, *cells])
    sources = [
        f"{record.processor}: {record.date[:10]}, commit {commit_of(record)} ([record]({link}))"
        for record, link in records
    ]
    source = (
        "What adfast does, how many times as much as what is used instead, and the share of what "
        f"the machine allows: medians of interleaved rounds. {'; '.join(sources)}. "
        "`adfast bench` measures them on your machine."
    )
    return "\n".join([*table(heads, rows), "", source])


def compared_cell(measurement: Measurement | None) -> str:
    """The rate, the ratio to each rival and the share of the limit; nothing where not measured."""
    if measurement is None:
        return ""
    ratios = [ratio_of(rival.advantage) for rival in measurement.rivals if rival.advantage]
    lines = [f"{rate_of(measurement.subject, measurement)} {unit_of(measurement)}", *ratios]
    return "<br>".join([*lines, *filter(None, [share_of(measurement)])])


def figure_block(record: Record, link: str) -> str:
    """Markdown: a table of all workloads, and where and when they were measured."""
    heads = ["one core", "adfast", "instead", "ratio (quartiles)", "of the limit", "bar"]
    rows = [figure_row(m, with_bars=True) for m in record.measurements if m.device == "cpu"]
    source = (
        f"Medians of interleaved rounds on {record.processor}, {record.date[:10]}, "
        f"commit {commit_of(record)} ([record]({link})); `adfast bench` measures them on your "
        "machine."
    )
    return "\n".join([*table(heads, rows), "", source])


def commit_of(record: Record) -> str:
    """The commit in short."""
    return str(record.provenance["commit"])[:9]


def figure_row(measurement: Measurement, *, with_bars: bool) -> list[str]:
    """The cells of one line, with all rivals of the workload."""
    rivals = [(rival, rival.advantage) for rival in measurement.rivals if rival.advantage]
    cells = [
        measurement.title,
        f"{rate_of(measurement.subject, measurement)} {unit_of(measurement)}",
        "<br>".join(f"{rival.label}: {rate_of(rival, measurement)}" for rival, _ in rivals),
        "<br>".join(ratio_of(advantage) for _, advantage in rivals),
        share_of(measurement),
    ]
    return [*cells, "<br>".join(bar_of(bar) for bar in measurement.bars)] if with_bars else cells


def rivals_of_records(folder: Path) -> str:
    """The workloads of the records with optional rivals; those appear beside the others."""
    paths = sorted(RIVAL_RECORDS.glob("*.json"))
    if not paths:
        return "No record has any of them yet."
    heads = ["one core", "adfast", "instead", "ratio (quartiles)", "of the limit"]
    records = [Record.read(path) for path in paths]
    rows = [figure_row(m, with_bars=False) for record in records for m in record.measurements]
    versions = {
        f"{name} {version}"
        for record in records
        for name, version in record.provenance["rivals"].items()
    }
    processors = dict.fromkeys(record.processor for record in records)
    links = ", ".join(f"[{path.stem}]({link_to(path, folder)})" for path in paths)
    source = (
        f"Medians of interleaved rounds on {' and '.join(processors)} with "
        f"{', '.join(sorted(versions))} ({links})."
    )
    return "\n".join([*table(heads, rows), "", source])


def newest_card_figures(folder: Path) -> str:
    """What the newest record of each card says, or that there is none."""
    newest: dict[str, Linked] = {}
    for path in CARD_RECORDS.glob("*.json"):
        record = Record.read(path)
        card = str(record.provenance["card"])
        if card not in newest or newest[card][0].date < record.date:
            newest[card] = record, link_to(path, folder)
    blocks = (card_block(*newest[card]) for card in sorted(newest))
    return "\n\n".join(blocks) or "No card has been measured yet."


def card_block(record: Record, link: str) -> str:
    """Markdown: what was timed on the card, and with which versions."""
    heads = ["on a card", "adfast", "instead", "ratio (quartiles)", "of the limit", "bar"]
    rows = [figure_row(m, with_bars=True) for m in record.measurements if m.device != "cpu"]
    versions = record.provenance["versions"]
    source = (
        f"Medians of interleaved rounds on {record.provenance['card']}, {record.date[:10]}, "
        f"torch {versions['torch']}, Triton {versions['triton']} ([record]({link}))."
    )
    return "\n".join([*table(heads, rows), "", source])


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a Markdown table."""
    rule = "|".join(["---"] * len(heads))
    head, *body = (f"| {' | '.join(cells)} |" for cells in [heads, *rows])
    return [head, f"|{rule}|", *body]


def link_to(path: Path, folder: Path) -> str:
    """The relative link from a page in `folder`."""
    return Path(os.path.relpath(path, folder)).as_posix()


PLACES = (
    Place(README, "figures", bars_of_newest),
    Place(BENCHMARKS, "all-figures", all_of_newest),
    Place(BENCHMARKS, "rival-figures", rivals_of_records),
    Place(BENCHMARKS, "card-figures", newest_card_figures),
)


def main() -> None:
    """Write all places."""
    for place in PLACES:
        try:
            text = place.written(place.file.read_text(encoding="utf-8"))
        except InvalidArgument as error:
            sys.exit(str(error))
        place.file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
