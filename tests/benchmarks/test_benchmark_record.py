"""Records go to disk and back, and name themselves."""

from dataclasses import replace

import pytest
from benchmark_records import record

from adfast.errors import InvalidArgument
from benchmarks.record import Record, newest_records


def test_record_survives_the_disk(tmp_path):
    path = tmp_path / "records" / "one.json"
    record().write(path)
    assert Record.read(path) == record()


def test_default_path_names_date_and_processor():
    assert record().default_path.name == "2026-01-02-fast-core-9000-2-0ghz.json"


def test_newest_records_are_kept_for_each_processor(tmp_path):
    assert newest_records(tmp_path) == {}
    record(date="2026-03-01T00:00:00+00:00").write(tmp_path / "a.json")
    record(date="2026-02-01T00:00:00+00:00").write(tmp_path / "b.json")
    known = record(date="2026-01-01T00:00:00+00:00")
    provenance = known.provenance | {"processor": "Another CPU"}
    replace(known, provenance=provenance).write(tmp_path / "c.json")
    assert newest_records(tmp_path) == {
        "Another CPU": tmp_path / "c.json",
        known.processor: tmp_path / "a.json",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "not a benchmark record"),
        ("[]", "not a benchmark record"),
        ('{"format": 1}', "not a benchmark record"),
        ('{"format": 99}', "format must be 1, got 99; record anew"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InvalidArgument, match=message):
        Record.read(tmp_path / "a.json")
