"""`sweep.json` is read and checked once; what is wrong with it is named."""

import json

import pytest

from adfast.errors import RunError
from adfast.runs.sweep.record import FILE_NAME, read_sweep
from report.sweep.synthetic_sweep import sweep_record


def write(directory, record):
    (directory / FILE_NAME).write_text(json.dumps(record))
    return directory


def test_record_reads_back(tmp_path):
    record = sweep_record()
    dumped = read_sweep(write(tmp_path, record)).model_dump(mode="json", exclude_none=True)
    assert dumped["points"][0] == record["points"][0]
    assert dumped["axes"] == record["axes"]


def test_missing_record_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(RunError, match=r"has no sweep\.json; write it again with: adfast sweep "):
        read_sweep(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": []}, "no point is finished, so there is nothing to show"),
        ({"axes": []}, "axes must have"),
        ({"seeds": 0}, "seeds must be"),
        ({"axes": sweep_record()["axes"][:1]}, r"levels \[0, 0\] of a point are not on the axes"),
    ],
)
def test_damaged_record_is_refused_with_the_field(tmp_path, change, message):
    with pytest.raises(RunError, match=message):
        read_sweep(write(tmp_path, sweep_record() | change))


def test_losses_without_their_edges_are_refused(tmp_path):
    record = sweep_record()
    record["points"][0]["history_loss"]["edges"].pop()
    with pytest.raises(RunError, match="edges must be one more than the 6 losses, got 6"):
        read_sweep(write(tmp_path, record))


def test_text_that_is_no_json_is_refused(tmp_path):
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(RunError, match="not valid JSON"):
        read_sweep(tmp_path)
