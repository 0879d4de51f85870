"""Workloads of a card are rows of the one table, skipped in words where there is no card."""

import pytest

from benchmarks import __main__ as bench
from benchmarks import device
from benchmarks.contest import Contest
from benchmarks.measure import measure
from benchmarks.pair_timer import Contender, Effort
from benchmarks.workload import Bar, Workload
from benchmarks.workloads import WORKLOADS, select

ON_CARD = select(["cuda"])
ROUND = Effort(seconds=0.0, sample_seconds=0.0, min_rounds=1)


def test_device_selects_rows():
    assert {workload.device for workload in ON_CARD} == {"cuda"}
    assert select(["cpu", "cuda"]) == list(WORKLOADS)
    assert {workload.layer for workload in ON_CARD} == {"attention", "training", "evaluation"}


def test_a_part_is_skipped_with_the_reason(monkeypatch, capsys):
    names = []
    monkeypatch.setattr(bench, "run", lambda _, workloads, *__: names.extend(workloads) or 0)
    assert bench.main(["evaluation"]) == 0
    assert {workload.device for workload in names} == {"cpu"}
    assert "2 of 8 workloads skipped: needs a CUDA device" in capsys.readouterr().err


def test_nothing_that_can_be_timed_is_an_error(capsys):
    assert bench.main(["cuda-fused-layers-16"]) == 2
    said = capsys.readouterr().err
    assert "nothing to time here: cuda-fused-layers-16 needs a CUDA device" in said


def test_list_marks_what_is_skipped(capsys):
    assert bench.main(["--list"]) == 0
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["cuda-fused-layers-16"].endswith("(needs a CUDA device)")
    assert lines["ring-append"].endswith("ring-append")


def test_card_is_named_in_the_record(monkeypatch):
    monkeypatch.setattr(bench, "name_of", lambda device: f"card of {device}")
    assert bench.card_of(ON_CARD) == {"card": "card of cuda"}
    assert bench.card_of(select(["cpu"])) == {}


def test_clock_of_a_card_waits_for_it(monkeypatch):
    waited = []
    monkeypatch.setattr("torch.cuda.synchronize", lambda: waited.append(True))
    clock = device.clock_of("cuda")
    assert clock() <= clock()
    assert len(waited) == 2
    assert device.clock_of("cpu") is None


@pytest.fixture
def row(monkeypatch):
    """A workload whose subject takes a second, against rivals that take so many."""
    now = [0.0]

    def contender(seconds):
        def call():
            now[0] += seconds

        return Contender(f"{seconds}", call, 1)

    def workload(*rivals, **options):
        contest = Contest(
            contender(1.0),
            tuple(map(contender, rivals)),
            lambda: None,
            clock=lambda: now[0],
            notes={"left_out": {"a": "b"}},
        )

        class Prepared:
            def __enter__(self):
                return contest

            def __exit__(self, *_):
                pass

        bars = (Bar("ratio", at_least=2.5, rival=None), Bar("rate", at_least=1.0))
        return Workload("row", "row", "tests", "units", Prepared, bars=bars)

    return workload


def test_contest_brings_its_clock_and_its_notes(row):
    measurement = measure(row(3.0), ROUND)
    assert measurement.subject.seconds == [1.0]
    assert measurement.notes == {"left_out": {"a": "b"}}


def test_bar_of_no_rival_in_particular_is_of_the_fastest(row):
    ratio, rate = measure(row(4.0, 2.0, 3.0), ROUND).bars
    assert ratio.value == 2.0
    assert not ratio.is_met
    assert rate.is_met


def test_ratio_to_rivals_that_are_not_installed_is_not_judged(row):
    assert [bar.quantity for bar in measure(row(), ROUND).bars] == ["rate"]
