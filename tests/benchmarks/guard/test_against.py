"""How `--against` goes from launches to a verdict, with invented launches."""

import json
import signal

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks.guard.against import judge_all
from benchmarks.guard.launches import CannotRun, Launch
from benchmarks.workloads import select

WORKLOADS = select(["dark-room-step-64", "ring-append"])


class InventedLauncher:
    """Launches with these factors, one after the other; a factor may be an exception to raise."""

    def __init__(self, *factors):
        self.factors = list(factors)

    def launch(self, workload):
        factor = self.factors.pop(0)
        if isinstance(factor, Exception):
            raise factor
        if factor == "signal":
            signal.raise_signal(signal.SIGINT)
        return Launch(10.0, np.full(5, 2.0 * factor), np.full(5, 2.0))


def judge(*factors):
    launcher = InventedLauncher(*factors)
    (outcome,) = judge_all(launcher, WORKLOADS[:1])
    assert not launcher.factors
    return outcome


def test_equals_take_eight_launches():
    outcome = judge(*[0.99, 1.01] * 4)
    assert (outcome.verdict, outcome.launches) == ("same", 8)
    assert outcome.rate_then == 5.0


def test_slow_down_is_measured_twice():
    outcome = judge(*[1.09, 1.11] * 8)
    assert (outcome.verdict, outcome.launches) == ("slower", 16)
    assert outcome.change.factor == pytest.approx(1.10)


def test_what_the_second_series_does_not_show_is_no_slow_down():
    assert judge(*[1.1] * 8, *[1.0] * 8).verdict == "unclear"


def test_gain_is_measured_twice():
    assert judge(*[0.9] * 16).verdict == "faster"


def test_open_question_takes_more_launches():
    outcome = judge(0.9, 1.1, *[1.0] * 6, *[1.0] * 8)
    assert (outcome.verdict, outcome.launches) == ("same", 16)


def test_what_does_not_run_there_is_said_and_no_failure():
    outcome = judge(CannotRun("ImportError: no name", is_then=True))
    assert (outcome.verdict, outcome.reason) == (None, "does not run there: ImportError: no name")
    assert outcome.runs_now


@pytest.fixture
def invented(monkeypatch, tmp_path):
    """`adfast bench --against main` with invented launches and no other tree."""

    def prepare(*factors):
        launcher = InventedLauncher(*factors)
        monkeypatch.setattr(bench, "resolve_commit", lambda revision: "0123456789abcdef")
        monkeypatch.setattr(bench, "prepare_tree", lambda commit: tmp_path)
        monkeypatch.setattr(bench, "Launcher", lambda *trees, **effort: launcher)

    return prepare


ARGUMENTS = ["dark-room-step-64", "--against", "main"]


@pytest.mark.parametrize(
    ("factors", "status", "said"),
    [
        ([1.0] * 8, 0, "same"),
        ([0.8] * 16, 0, "faster"),
        ([1.1] * 16, 1, "+10.0% (+10.0% to +10.0%)"),
        (
            [CannotRun("TypeError: missing", is_then=True)],
            0,
            "does not run there: TypeError: missing",
        ),
        (
            [CannotRun("TypeError: missing", is_then=False)],
            1,
            "does not run here: TypeError: missing",
        ),
    ],
)
def test_exit_status_says_whether_something_became_slower(factors, status, said, invented, capsys):
    invented(*factors)
    assert bench.main(ARGUMENTS) == status
    printed = capsys.readouterr()
    assert "this checkout against main (0123456789ab)" in printed.out
    assert said in printed.out
    assert "[1/1] dark-room-step-64 " in printed.err


def test_signal_prints_what_is_known(invented, capsys):
    invented(*[1.0] * 8, 1.2, 1.2, "signal")
    status = bench.main(["dark-room-step-64", "ring-append", "--against", "main"])
    assert status == 128 + signal.SIGINT
    printed = capsys.readouterr().out
    assert "same" in printed
    assert "+20.0% (too few launches)" in printed
    assert "unclear (interrupted)" in printed


def test_json_has_the_interval(invented, capsys):
    invented(*[1.1] * 16)
    assert bench.main([*ARGUMENTS, "--json"]) == 1
    (outcome,) = json.loads(capsys.readouterr().out)["outcomes"]
    assert outcome["interval"] == pytest.approx([1.1, 1.1])


def test_against_keeps_no_record(capsys):
    assert bench.main([*ARGUMENTS, "--record", "a.json"]) == 2
    assert "--against goes without --record" in capsys.readouterr().err
