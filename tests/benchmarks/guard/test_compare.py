"""A run against a record: which ratios are judged, and what they say together."""

from dataclasses import replace

import numpy as np
import pytest
from benchmark_records import contender, measurement, record

from benchmarks import __main__ as bench
from benchmarks.guard.compare import compare
from benchmarks.record import Record, newest_records

ROUNDS = np.array([0.98, 0.99, 1.0, 1.01, 1.02, 1.03])


def at(role, rate, label=None):
    """A contender with six rounds around `rate`."""
    return replace(
        contender(role, rate),
        seconds=list(10.0 / (rate * ROUNDS)),
        label=label or f"the {role}",
    )


def measured(subject=1.5e6, rival=3e5, limit=2e6, **changes):
    contenders = [at("subject", subject), at("rival", rival), at("limit", limit)]
    return measurement(contenders=contenders, **changes)


def compared(then, now, again=None):
    def measure_again(name):
        assert again is not None, "measured again"
        return again

    (comparison,) = compare(record(then), [now], measure_again)
    return comparison


def test_equal_runs_are_the_same():
    comparison = compared(measured(), measured())
    assert comparison.verdict == "same"
    assert [ratio.then for ratio in comparison.ratios] == pytest.approx([5.0, 0.75])


def test_slower_machine_changes_no_ratio():
    assert compared(measured(), measured(7.5e5, 1.5e5, 1e6)).verdict == "same"


def test_slow_down_lowers_every_ratio_and_is_measured_twice():
    slow = measured(subject=1.25e6)
    comparison = compared(measured(), slow, again=slow)
    assert comparison.verdict == "slower"
    assert comparison.ratios[0].change.factor == pytest.approx(1.2)


def test_quicker_rival_alone_is_no_slow_down():
    comparison = compared(measured(), measured(rival=4e5))
    assert [ratio.verdict for ratio in comparison.ratios] == ["slower", "same"]
    assert comparison.verdict == "unclear"


def test_what_is_not_repeated_is_unclear():
    comparison = compared(measured(), measured(subject=1.2e6), again=measured())
    assert comparison.verdict == "unclear"


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (measured(name="other"), "not in the record"),
        (measured(arguments={"length": 100}), "other sizes in the record: length 100 then, 400"),
        (measurement(), "3 rounds are too few to judge"),
        (
            measurement(contenders=[at("subject", 1e6), at("rival", 1e6, "another")]),
            "the record has none of its rivals",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(then, reason):
    comparison = compared(then, measured())
    assert comparison.verdict is None
    assert reason in comparison.reason


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Runs `adfast bench --compare` on invented measurements."""

    def run(now, *, processor=None, capsys):
        then = record(measured())
        if processor is not None:
            then = replace(then, provenance=then.provenance | {"processor": processor})
        path = tmp_path / "record.json"
        then.write(path)
        monkeypatch.setattr(bench, "collect_provenance", lambda: record().provenance)
        monkeypatch.setattr(bench, "measure", lambda workload, effort, small: now)
        status = bench.main(["ring-sample-400", "--compare", str(path)])
        return status, capsys.readouterr()

    return run


def test_command_succeeds_when_nothing_is_slower(kept, capsys):
    status, printed = kept(measured(), capsys=capsys)
    assert status == 0
    assert "same" in printed.out


def test_command_fails_on_a_slow_down_and_shows_what_was_asked(kept, capsys):
    status, printed = kept(measured(subject=1e6), capsys=capsys)
    assert status == 1
    assert ">= 5.00x" in printed.out
    assert "+50.0%" in printed.out
    assert "slower" in printed.out


def test_record_of_another_processor_is_refused(kept, capsys):
    status, printed = kept(measured(), processor="Other CPU", capsys=capsys)
    assert status == 2
    assert "this processor, Fast(R) Core(TM) CPU 9000 @ 2.0GHz" in printed.err
    assert "is of Other CPU; make one here" in printed.err


def test_missing_record_is_refused_with_the_order_of_arguments(capsys):
    assert bench.main(["--compare", "ring-sample-400"]) == 2
    assert "put the names of workloads before --compare" in capsys.readouterr().err


@pytest.fixture
def records(monkeypatch, tmp_path):
    """Keeps a newer record of another processor, and lets `--compare` find what is kept."""
    here = record(measured())
    there = here.provenance | {"processor": "Other CPU", "date": "2099-01-01T00:00:00+00:00"}
    replace(here, provenance=there).write(tmp_path / "other.json")
    monkeypatch.setattr(bench, "newest_records", lambda: newest_records(tmp_path))
    monkeypatch.setattr(bench, "collect_provenance", lambda: here.provenance)
    monkeypatch.setattr(bench, "measure", lambda workload, effort, small: measured())
    return tmp_path


def test_without_a_record_of_this_processor_there_is_nothing_to_compare(records, capsys):
    assert bench.main(["ring-sample-400", "--compare"]) == 2
    assert "no record of this processor, Fast(R) Core(TM)" in capsys.readouterr().err


def test_newest_record_of_this_processor_is_the_default(records, capsys):
    record(measured()).write(records / "here.json")
    assert bench.main(["ring-sample-400", "--compare"]) == 0
    assert "same" in capsys.readouterr().out


def test_committed_records_can_be_compared_with():
    for path in bench.ROOT.glob("benchmarks/records/*.json"):
        known = Record.read(path)
        (first, *_) = known.measurements
        (comparison,) = compare(known, [first], lambda name: None)
        assert comparison.verdict == "same"
