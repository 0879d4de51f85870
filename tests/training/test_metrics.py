"""Rows are written whole; reading stops where a kill cut a row short."""

import errno
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast.errors import RunError, WriteError
from adfast.training.metrics import MetricsLog, read_metrics

ROWS = [{"update": update, "loss": 1.0 / update} for update in (10, 20, 30)]


def write_rows(path):
    log = MetricsLog(path, keep_updates=0)
    for row in ROWS:
        log.append(row)


def test_rows_are_one_json_object_a_line(tmp_path):
    path = tmp_path / "run" / "metrics.jsonl"
    write_rows(path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS
    assert read_metrics(path) == ROWS


def test_absent_file_has_no_rows(tmp_path):
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_rows_of_updates_that_are_done_again_are_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_rows(path)
    MetricsLog(path, keep_updates=20).append({"update": 25})
    assert [row["update"] for row in read_metrics(path)] == [10, 20, 25]
    MetricsLog(path, keep_updates=0)
    assert read_metrics(path) == []


@settings(max_examples=40)
@given(st.data())
def test_file_cut_anywhere_keeps_its_whole_rows(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    write_rows(path)
    content = path.read_bytes()
    length = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:length])
    rows = read_metrics(path)
    assert rows == ROWS[: len(rows)]
    assert len(rows) >= content[:length].count(b"\n")
    MetricsLog(path, keep_updates=30).append({"update": 40})
    assert read_metrics(path) == [*rows, {"update": 40}]


@pytest.mark.parametrize("taken", [0, 1, 10])
def test_row_that_the_disk_takes_only_a_part_of_spoils_nothing(tmp_path, monkeypatch, taken):
    path = tmp_path / "metrics.jsonl"
    write_rows(path)
    log = MetricsLog(path, keep_updates=30)
    write, answers = os.write, iter([taken] if taken else [])

    def nearly_full(descriptor, data):
        for part in answers:
            return write(descriptor, data[:part])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", nearly_full)
        with pytest.raises(WriteError, match=r"cannot write a row: No space left.*same command"):
            log.append({"update": 40, "loss": 0.1})
    log.append({"update": 50, "loss": 0.1})
    assert [row["update"] for row in read_metrics(path)] == [10, 20, 30, 50]


@pytest.mark.parametrize("line", [b"{", b"\xff\xfe", b"[]", b"{}", b'{"update": "9"}', b"3", b""])
def test_damage_before_the_last_line_is_an_error_and_loses_no_row_silently(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    write_rows(path)
    lines = path.read_bytes().split(b"\n")
    damaged = b"\n".join([lines[0], line, *lines[2:]])
    path.write_bytes(damaged)
    with pytest.raises(RunError, match=r"line 2: damaged: .*restore the file .* or delete that li"):
        MetricsLog(path, keep_updates=30)
    assert path.read_bytes() == damaged
