"""The README's figures are those of the newest committed record."""

from pathlib import Path

import pytest
from benchmark_records import measurement, record

from adfast.errors import InvalidArgument
from benchmarks.readme_figures import README, ROOT, figure_block, replace_block
from benchmarks.record import Record, newest_record


def test_readme_shows_the_newest_record():
    path = newest_record()
    if path is None:
        pytest.skip("no record is committed")
    text = README.read_text(encoding="utf-8")
    block = figure_block(Record.read(path), path.relative_to(ROOT))
    assert replace_block(text, block) == text, "run: python -m benchmarks.readme_figures"


def test_block_has_one_row_for_each_workload_with_a_bar():
    block = figure_block(record(measurement(), measurement(bars=[])), Path("benchmarks/a.json"))
    assert block.splitlines()[2:] == [
        "| sample windows | 1.50 M windows/s of 3,200 B | the rival: 300 k | 5.00x (4.77 to 5.28) "
        "| 75% of the limit |",
        "",
        "Medians of interleaved rounds on Fast(R) Core(TM) CPU 9000 @ 2.0GHz, 2026-01-02, "
        "commit 012345678 ([record](benchmarks/a.json)); `adfast bench` measures them on your "
        "machine.",
    ]


def test_only_the_block_is_replaced():
    text = "before\n<!-- figures:begin -->\nold\n<!-- figures:end -->\nafter\n"
    assert replace_block(text, "new") == text.replace("old", "new")


def test_text_without_markers_is_refused():
    with pytest.raises(InvalidArgument, match="figures:begin"):
        replace_block("nothing here", "new")
