"""Terminals without Unicode, and names in bytes of no encoding: every command prints and ends."""

import io
import json
import os
import shutil
import sys
from pathlib import Path
from unittest import mock

import pytest

from cli.command_line import Ended, adfast

NAME = "rüns✓" + os.fsdecode(b"\xff")


@pytest.fixture
def odd_run(finished_run, tmp_path, monkeypatch):
    """A finished run in a folder whose name few terminals can print."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(finished_run, NAME))


def adfast_at_terminal(encoding, *arguments):
    """Carry out `adfast ARGUMENTS` where both streams have this encoding and fail at the rest."""
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), encoding, errors="strict")
        for name in ("stdout", "stderr")
    }
    with mock.patch.multiple(sys, **streams):
        ended = adfast_here(arguments)
        for stream in streams.values():
            stream.flush()
    # Typer takes a terminal of ASCII for one that was set up wrongly, and prints UTF-8 there.
    texts = {
        name: stream.buffer.getvalue().decode(encoding, "replace")
        for name, stream in streams.items()
    }
    return Ended(ended, **texts)


def adfast_here(arguments):
    from adfast.cli import main

    with mock.patch.object(sys, "argv", ["adfast", *map(str, arguments)]):
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("evaluate RUN --fresh", 0), ("report RUN", 0), ("run RUN --json", 0), ("doctor", 0),
        ("histories info RUN/histories", 0), ("histories verify RUN/histories", 0),
        ("histories info RUN/histories --json", 0), ("--help", 0),
        ("train RUN", 1), ("train RUN-absent", 1), ("run RUN-absent", 2), ("run --RUN", 2),
    ],
)  # fmt: skip
def test_command_prints_on_terminal_without_unicode(odd_run, encoding, command, status):
    ended = adfast_at_terminal(encoding, *(word.replace("RUN", NAME) for word in command.split()))
    assert ended.status == status, ended.stderr
    assert ended.stdout or ended.stderr
    if "--json" in command:
        json.loads(ended.stdout)


def test_whole_run_and_sweep_into_a_folder_of_other_bytes(recipe, tmp_path):
    run = tmp_path / NAME
    ended = adfast_at_terminal("ascii", "run", recipe, "--run", run)
    assert ended.status == 0, ended.stderr
    assert "1/1" in ended.stderr  # the last stage's progress
    assert (run / "report.html").is_file()
    sweep = ["sweep", recipe, "--vary", "training.learning_rate=0.001,0.002", "--out"]
    ended = adfast_at_terminal("ascii", *sweep, f"{run}s", "--json")
    assert ended.status == 0, ended.stderr
    assert json.loads(ended.stdout)["name"] == f"{NAME}s"


def test_caught_streams_are_left_as_they_are():
    assert adfast("--version").status == 0
    with mock.patch.multiple(sys, stdout=None):
        assert adfast_here(["--version"]) == 0
