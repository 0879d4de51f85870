"""The command line as a module, its version, its help, and what a shell completes."""

import os
import subprocess
import sys
import warnings

import pytest

import adfast as package
from adfast import doctor
from adfast.cli.completion import complete_recipe, complete_run, complete_store
from adfast.machine.compiled_code import warn_unkept
from cli.command_line import adfast

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

# What the script of that name does.
SCRIPT = "import sys; sys.argv[0] = 'adfast'; from adfast.cli import main; main()"


def called(*command, **environment):
    return subprocess.run(
        command, env=ENVIRONMENT | environment, capture_output=True, text=True, check=True
    )


def test_version_is_that_of_the_package():
    assert adfast("--version").stdout == f"adfast {package.__version__}\n"


def test_module_is_the_command_line():
    assert called(sys.executable, "-m", "adfast", "--version").stdout.startswith("adfast ")


def test_help_tells_each_command_whole():
    ended = adfast("--help")
    assert ended.status == 0
    told = " ".join(ended.stdout.split())
    assert "goes on where an earlier call stopped." in told
    assert "Look at histories, pick from them" in told
    assert "..." not in told.partition("Commands:")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_and_completes_commands(shell):
    words = {"COMP_WORDS": "adfast his", "COMP_CWORD": "1"}  # of bash
    words |= {"_TYPER_COMPLETE_ARGS": "adfast his", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    answer = called(sys.executable, "-c", SCRIPT, _ADFAST_COMPLETE=f"complete_{shell}", **words)
    assert "histories" in answer.stdout
    assert "sweep" not in answer.stdout
    script = called(sys.executable, "-c", SCRIPT, _ADFAST_COMPLETE=f"source_{shell}")
    assert f"complete_{shell}" in script.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two runs, one of which has histories, and files of other kinds."""
    for path in ("runs/one/run.toml", "runs/one/histories/manifest.json", "elsewhere/run.toml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for path in ("runs/no-run", "elbow"):
        (tmp_path / path).mkdir()
    (tmp_path / "mine.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_runs_are_completed(folder):
    assert complete_run("") == ["elsewhere", "runs/one"]
    assert complete_run("el") == ["elsewhere"]
    assert complete_run("runs/") == ["runs/one"]
    assert complete_run(f"{folder}/runs/o") == [f"{folder}/runs/one"]
    assert complete_run("absent/") == []


def test_recipes_are_completed_beside_files_and_runs(folder):
    assert complete_recipe("dark-room-h") == ["dark-room-hard"]
    assert complete_recipe("min") == ["mine.toml"]
    assert {"dark-room", "mine.toml", "runs/one"} <= {*complete_recipe("")}


def test_stores_are_completed(folder):
    assert complete_store("") == ["runs/one/histories"]
    assert complete_store("runs/one/h") == ["runs/one/histories"]


@pytest.mark.filterwarnings("always")
def test_warnings_of_adfast_are_told_in_a_line_and_others_as_ever(monkeypatch):
    def warn():
        warn_unkept("no room")
        warnings.warn("of another package", stacklevel=1)
        return {"cores": 1}

    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
    monkeypatch.setattr(doctor, "examine_machine", warn)
    ended = adfast("doctor")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("adfast: compiled code is not kept (no room), so ")
    assert shown == ["of another package"]
