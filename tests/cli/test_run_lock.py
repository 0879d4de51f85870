"""Two commands in one run directory: the second is refused, told of the first, changes nothing."""

import os
import time

import pytest

from adfast.runs.files.run_directory import RunDirectory
from adfast.runs.run import Run
from adfast.runs.sweep.sweep import Sweep
from cli.command_line import adfast
from killed_process import Worker


def work_on(acknowledge, run):
    """Hold a run, as a command does, until killed."""
    with RunDirectory.open(run).locked():
        acknowledge(os.getpid())
        time.sleep(600)


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("run", "--fresh"),
        ("run", "--set", "seed=9", "--fresh"),
        ("collect",),
        ("train", "--resume"),
        ("train", "--fresh"),
        ("evaluate", "--fresh"),
        ("report",),
    ],
    ids=" ".join,
)
def test_second_command_in_a_run_is_refused(run_copy, command):
    with RunDirectory.open(run_copy).locked():
        before = contents(run_copy)
        ended = adfast(command[0], run_copy, *command[1:])
        assert ended.status == 1
        assert ended.stdout == ""
        assert f"{run_copy} is being worked on by process {os.getpid()} on " in ended.stderr
        assert f"kill {os.getpid()}" in ended.stderr
        assert contents(run_copy) == before


def test_run_is_free_again_when_its_process_was_killed(run_copy):
    (pid,) = Worker(work_on).run(run_copy, kill_after=1)
    assert str(pid) in (run_copy / ".lock").read_text()
    assert adfast("report", run_copy).status == 0


def test_run_that_is_just_begun_is_refused_to_a_second(recipe, tmp_path):
    with Run.create(recipe, tmp_path / "run").locked():
        ended = adfast("run", recipe, "--run", tmp_path / "run")
        assert (ended.status, "is being worked on by process" in ended.stderr) == (1, True)


def test_failed_command_frees_the_run(run_copy):
    assert adfast("run", run_copy, "--set", "seed=9").status == 1
    assert adfast("run", run_copy, "--set", "training.updats=9").status == 2
    assert adfast("run", run_copy).status == 0


def test_finished_run_in_a_read_only_folder_can_be_looked_at(run_copy, monkeypatch):
    """Root may write anywhere, so the system's answer is put in its place."""
    plain = os.open

    def read_only(path, flags, *mode, **where):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(30, "Read-only file system", str(path))
        return plain(path, flags, *mode, **where)

    monkeypatch.setattr(os, "open", read_only)
    ended = adfast("run", run_copy)
    assert (ended.status, ended.stderr.count("finished before")) == (0, 4)
    ended = adfast("evaluate", run_copy, "--fresh")
    assert ended.status == 1
    assert "Read-only file system" in ended.stderr
    assert adfast("run", run_copy).status == 0
    assert "held-out tasks" in adfast("run", run_copy).stdout


def test_sweep_is_locked_too(recipe, tmp_path):
    sweep = tmp_path / "sweep"
    with Sweep.prepared(recipe, sweep, vary=[{"model.attention_window": [5, 20]}]):
        vary = ["--vary", "model.attention_window=5,20"]
        ended = adfast("sweep", recipe, *vary, "--out", sweep)
        assert (ended.status, "is being worked on by process" in ended.stderr) == (1, True)
