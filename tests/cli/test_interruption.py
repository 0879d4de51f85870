"""Ctrl-C and SIGTERM, at any stage: nothing is lost, and the way on is said.

At any moment of a stage: `tests/faults/test_ended_commands.py`.
"""

import contextlib
import shlex
import shutil
import signal

import pytest

from adfast.cli import stages
from adfast.cli.interruption import interruption
from adfast.models.checkpoint import read_tensors
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.metrics import read_metrics
from cli.command_line import adfast
from cli.same_results import assert_same_results
from cli.signalled import assert_signal_can_be_followed


@pytest.fixture(autouse=True)
def heard_terminal():
    """A closed terminal ends this process, also where the tests were started with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def interrupt(monkeypatch):
    """Let `signals` come when a stage first reports progress."""
    plain = stages.progress_bar

    def interrupt_in(stage, *signals):
        waiting = list(signals)

        class Bar:
            def __init__(self, bar):
                self.bar = bar

            def advance_to(self, done, note=""):
                self.bar.advance_to(done, note)
                while waiting:
                    signal.raise_signal(waiting.pop())

        @contextlib.contextmanager
        def progress_bar(title, *arguments):
            with plain(title, *arguments) as bar:
                yield Bar(bar) if title == stage else bar

        monkeypatch.setattr(stages, "progress_bar", progress_bar)

    return interrupt_in


def test_run_interrupted_at_every_stage_equals_an_uninterrupted_one(
    recipe, tmp_path, interrupt, finished_run
):
    run = tmp_path / "run"
    arguments = ["run", recipe, "--run", run]
    messages = {
        "collect": "collecting stopped after 1 of 4 blocks; all of them are kept",
        "train": "training stopped after update 2; saved",
        "evaluate": "evaluating stopped after 1 of 6 episodes",
    }
    for number, (stage, message) in enumerate(messages.items()):
        sent = signal.SIGTERM if number % 2 else signal.SIGINT
        interrupt(stage, sent)
        ended = adfast(*arguments)
        assert ended.status == 128 + sent
        assert message in ended.stderr
        assert ended.stderr.strip().endswith(f"to continue: adfast run {run}")
        assert ended.stderr.count("finished before") == max(number - 1, 0)
        assert ended.stdout == ""
    interrupt("none")
    assert adfast("run", run).status == 0
    assert_same_results(run, finished_run)


def test_signal_in_the_last_moment_of_a_stage_stops_before_the_next(recipe, tmp_path, interrupt):
    run = tmp_path / "run"
    interrupt("collect", signal.SIGINT)
    one_block = ["--set", "collection.block_histories=500"]
    ended = adfast("run", recipe, "--run", run, *one_block)
    assert ended.status == 130
    assert "stopped after collect; all that is finished is kept" in ended.stderr


def test_evaluation_that_is_repeated_says_how_to_go_on(run_copy, interrupt):
    interrupt("evaluate", signal.SIGINT)
    ended = adfast("evaluate", run_copy, "--fresh")
    assert ended.stderr.strip().endswith(f"to continue: adfast evaluate {run_copy} --fresh")
    assert (run_copy / "evaluation.json").is_file()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_during_the_report_ends_it_at_once(run_copy, interrupt, sent):
    interrupt("report", sent)
    ended = adfast("report", run_copy)
    assert ended.status == 128 + sent
    assert "report was cut off; what it had saved is kept" in ended.stderr
    interrupt("none")
    assert adfast("run", run_copy).status == 0
    assert (run_copy / "report.html").is_file()


def test_signal_that_native_code_turned_into_an_error_is_still_a_signal(run_copy, monkeypatch):
    def drop_it(run, **hooks):
        with contextlib.suppress(BaseException):
            signal.raise_signal(signal.SIGTERM)
        raise TypeError("incompatible function arguments")

    monkeypatch.setattr("adfast.report.write_report", drop_it)
    ended = adfast("report", run_copy)
    assert ended.status == 143
    assert "report was cut off; what it had saved is kept" in ended.stderr


def test_signal_before_a_stage_says_how_to_go_on(run_copy, monkeypatch):
    def listing(path):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("adfast.doctor.examine_store", listing)
    ended = adfast("histories", "info", run_copy / "histories")
    assert ended.status == 143
    assert "stopped; what is finished is kept, and the same command continues" in ended.stderr


def test_path_in_the_way_on_can_be_typed(recipe, tmp_path, interrupt):
    run = tmp_path / "a run; $(it)"
    interrupt("collect", signal.SIGINT)
    ended = adfast("run", recipe, "--run", run)
    way_on = ended.stderr.strip().rpartition("to continue: ")[2]
    assert shlex.split(way_on) == ["adfast", "run", str(run)]


def test_closed_terminal_is_ignored_where_the_process_was_started_so(collected_run, tmp_path):
    run = shutil.copytree(collected_run, tmp_path / "run")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption() as request:
            signal.raise_signal(signal.SIGHUP)
            assert not request()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert adfast("train", run).status == 0


def test_second_signal_cuts_the_stage_off(recipe, tmp_path, interrupt, finished_run):
    run = tmp_path / "run"
    interrupt("train", signal.SIGINT, signal.SIGINT)
    ended = adfast("run", recipe, "--run", run)
    assert ended.status == 130
    assert "train was cut off; what it had saved is kept" in ended.stderr
    assert f"to continue: adfast run {run}" in ended.stderr
    interrupt("none")
    assert adfast("run", run).status == 0
    assert_same_results(run, finished_run)


def test_single_stage_names_its_own_way_on(collected_run, tmp_path, interrupt):
    run = shutil.copytree(collected_run, tmp_path / "run")
    interrupt("train", signal.SIGINT)
    ended = adfast("train", run)
    assert ended.status == 130
    assert ended.stderr.strip().endswith(f"to continue: adfast train {run} --resume")


def test_handlers_are_restored(finished_run):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    adfast("run", finished_run)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_signals_reach_a_process_that_trains(recipe, tmp_path):
    run = tmp_path / "run"
    endless = ["--set", "training.updates=1000000", "--set", "training.evaluate_every=none"]
    seen = 0
    for number in (signal.SIGTERM, signal.SIGINT):
        assert_signal_can_be_followed(run, number, recipe, *endless, rows=seen)
        seen = len(read_metrics(run / "metrics.jsonl"))
        update = read_tensors(newest_checkpoint(run / "checkpoints"))[1]["training"]["update"]
        assert update >= read_metrics(run / "metrics.jsonl")[-1]["update"]
