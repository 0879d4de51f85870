"""The tables of README and docs are those of the newest committed records."""

from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_records import measurement, record

from adfast.errors import InvalidArgument
from benchmarks import figures
from benchmarks.figures import PLACES, Place, card_block, compared_block, figure_block
from benchmarks.record import newest_records


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_page_shows_the_newest_record(place):
    text = place.file.read_text(encoding="utf-8")
    assert place.written(text) == text, "stale; run: make figures"


FAST, OTHER = "Fast(R) Core(TM) CPU 9000 @ 2.0GHz", "Other CPU"


def record_of(processor, *measurements, date="2026-01-02"):
    known = record(*measurements, date=f"{date}T03:04:05+00:00")
    return replace(known, provenance=known.provenance | {"processor": processor})


def test_workloads_with_a_bar_have_a_column_for_each_processor():
    new = measurement("new", title="new work")
    known = record_of(FAST, measurement(), measurement("no-bar", bars=[]))
    other = record_of(OTHER, measurement(), new, date="2026-02-03")
    block = compared_block([(known, "benchmarks/a.json"), (other, "benchmarks/b.json")])
    cell = "1.50 M windows/s of 3,200 B<br>5.00x (4.77 to 5.28)<br>75% of the limit"
    assert block.splitlines() == [
        f"| one core | instead | {FAST} | {OTHER} |",
        "|---|---|---|---|",
        f"| sample windows | the rival | {cell} | {cell} |",
        f"| new work | the rival |  | {cell} |",
        "",
        "What adfast does, how many times as much as what is used instead, and the share of what "
        "the machine allows: medians of interleaved rounds. "
        f"{FAST}: 2026-01-02, commit 012345678 ([record](benchmarks/a.json)); "
        f"{OTHER}: 2026-02-03, commit 012345678 ([record](benchmarks/b.json)). "
        "`adfast bench` measures them on your machine.",
    ]


def test_block_of_all_has_the_bars_and_where_it_was_measured():
    known = record(measurement(), measurement(bars=[]))
    lines = figure_block(known, "a.json").splitlines()
    assert lines[0].startswith("| one core | adfast | instead | ratio (quartiles) | of the limit |")
    assert lines[2] == (
        "| sample windows | 1.50 M windows/s of 3,200 B | the rival: 300 k | 5.00x (4.77 to 5.28) "
        "| 75% of the limit | ratio >= 5.00: met |"
    )
    assert lines[3].endswith("| 75% of the limit |  |")
    assert lines[5] == (
        f"Medians of interleaved rounds on {FAST}, 2026-01-02, "
        "commit 012345678 ([record](a.json)); `adfast bench` measures them on your machine."
    )


def test_every_committed_processor_is_shown():
    processors = newest_records()
    for page in (figures.README, figures.BENCHMARKS):
        text = page.read_text(encoding="utf-8")
        for processor, path in processors.items():
            assert processor in text, page
            assert path.name in text, page


def on_a_card():
    """A record of a workload of the processor, and of one of a card with a derived floor."""
    known = record(
        measurement(),
        measurement(
            "attention",
            title="heads of 16",
            arguments={"device": "cuda"},
            unit="live scores",
            bytes_per_unit=None,
            notes={"floor_seconds": 4e-7, "left_out": {"flash-attn 2": "ImportError: none"}},
        ),
    )
    of_card = {"card": "Fast Card", "versions": {"torch": "3", "triton": "4"}}
    return replace(known, provenance=known.provenance | of_card)


def test_what_a_card_did_has_a_table_of_its_own():
    known = on_a_card()
    assert card_block(known, "a.json").splitlines()[2:] == [
        "| heads of 16 | 1.50 M live scores/s | the rival: 300 k | 5.00x (4.77 to 5.28) "
        "| 60% of the floor | ratio >= 5.00: met |",
        "",
        "Medians of interleaved rounds on Fast Card, 2026-01-02, torch 3, Triton 4 "
        "([record](a.json)).",
    ]
    for block in (compared_block([(known, "a.json")]), figure_block(known, "a.json")):
        assert "sample windows" in block
        assert "heads of 16" not in block


def test_newest_record_of_each_card_is_shown(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "CARD_RECORDS", tmp_path)
    assert figures.newest_card_figures(tmp_path) == "No card has been measured yet."
    known = on_a_card()
    for name, date, card in (
        ("a", "2026-01-01", "Fast Card"),
        ("b", "2026-01-02", "Fast Card"),
        ("c", "2026-01-01", "Slow Card"),
    ):
        provenance = known.provenance | {"date": date, "card": card}
        replace(known, provenance=provenance).write(tmp_path / f"{name}.json")
    shown = figures.newest_card_figures(tmp_path)
    assert "[record](b.json)" in shown
    assert "[record](c.json)" in shown
    assert "[record](a.json)" not in shown


def test_links_are_relative_to_the_page():
    assert figures.link_to(Path("/a/benchmarks/r.json"), Path("/a/docs")) == "../benchmarks/r.json"


def test_only_what_is_between_the_markers_is_replaced():
    place = Place(Path("page.md"), "x", lambda folder: "new")
    text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n"
    assert place.written(text) == "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n"


def test_missing_markers_are_named():
    with pytest.raises(InvalidArgument, match=r"page.md must hold <!-- x:begin -->"):
        Place(Path("page.md"), "x", lambda folder: "").written("no markers")


def test_without_a_record_it_says_how_to_make_one(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "newest_records", dict)
    with pytest.raises(InvalidArgument, match="make one: adfast bench --record"):
        figures.bars_of_newest(tmp_path)
