"""`adfast bench`, as far as it needs no long timing."""

import io
import json
import os
import signal
import subprocess
import sys

import pytest
from benchmark_records import measurement, record
from rich.console import Console

from benchmarks import __main__ as bench
from benchmarks import workloads
from benchmarks.contest import NotEquivalent
from benchmarks.record import Record
from benchmarks.rivals.optional import OPTIONAL
from benchmarks.table import results_table

PROGRAM = [sys.executable, "-c", "from adfast.cli import main; main()"]


@pytest.fixture
def measured(monkeypatch):
    """Replaces measuring by invented figures; the calls that would have been made."""
    calls = []

    def measure(workload, effort, *, small):
        calls.append((workload.name, effort, small))
        if workload.name == "ring-append":
            raise NotEquivalent("action: differs")
        if workload.name == "ring-append-block":
            signal.raise_signal(signal.SIGINT)
        return measurement(workload.name)

    monkeypatch.setattr(bench, "measure", measure)
    return calls


def test_table_is_the_result_and_progress_goes_to_stderr(measured, capsys):
    assert bench.main(["ring-sample-400", "attention"]) == 0
    printed = capsys.readouterr()
    assert "5.00x (4.77 to 5.28)" in printed.out
    assert "[1/5] ring-sample-400" in printed.err
    assert len(measured) == 5


def test_quick_takes_small_sizes_and_little_time(measured):
    assert bench.main(["ring-sample-400", "--quick"]) == 0
    ((_, effort, small),) = measured
    assert small
    assert effort == bench.QUICK


def test_seconds_per_workload_are_taken(measured):
    bench.main(["ring-sample-400", "--seconds-per-workload", "2.5"])
    assert measured[0][1].seconds == 2.5


def test_record_is_kept_where_asked(measured, tmp_path, capsys):
    path = tmp_path / "record.json"
    assert bench.main(["ring-sample-400", "--record", str(path)]) == 0
    kept = Record.read(path)
    assert [m.name for m in kept.measurements] == ["ring-sample-400"]
    assert {"processor", "commit", "versions", "date"} <= kept.provenance.keys()
    assert str(path) in capsys.readouterr().err


def test_json_prints_the_record(measured, capsys):
    assert bench.main(["ring-sample-400", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measurements"][0]["name"] == "ring-sample-400"


def test_unequal_work_is_said_and_fails(measured, capsys):
    assert bench.main(["ring-append", "ring-sample-400"]) == 1
    printed = capsys.readouterr()
    assert "ring-append: not the same work, not timed: action: differs" in printed.err
    assert "ring-sample-400" in printed.out


def test_interruption_prints_and_keeps_what_is_measured(measured, tmp_path, capsys):
    path = tmp_path / "record.json"
    names = ["ring-sample-400", "ring-append-block", "store-write"]
    assert bench.main([*names, "--record", str(path)]) == 128 + signal.SIGINT
    printed = capsys.readouterr()
    assert "ring-sample-400" in printed.out
    assert "1 of 3 workloads were timed" in printed.err
    assert [m.name for m in Record.read(path).measurements] == ["ring-sample-400"]


def test_interruption_never_keeps_a_part_as_the_record_of_all(measured, monkeypatch, capsys):
    monkeypatch.setattr(Record, "write", None)
    assert bench.main(["--record"]) == 128 + signal.SIGINT
    assert "not all were timed: no record" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ring-sampel-400"], 'unknown workload, layer or device "ring-sampel-400"; did you mean'),
        (["--quick", "--record"], "--record needs the full sizes; drop --quick"),
        (["training", "--record"], "keeps all workloads, for the README; give a path for training"),
    ],
)
def test_bad_arguments_are_refused(arguments, message, measured, capsys):
    assert bench.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert measured == []


def test_list_names_every_workload_and_optional_rival(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.rivals.optional.is_installed", lambda name: name == "cpprb")
    assert bench.main(["--list"]) == 0
    names = [w.name for w in workloads.WORKLOADS]
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in listed[: len(names)]] == names
    rivals = [" ".join(line.split()) for line in listed[len(names) :]]
    assert "rival cpprb: installed" in rivals
    assert "rival gymnax: not installed: pip install gymnax six" in rivals
    assert rivals[0].startswith("rival Dark Room in C: ")
    assert len(rivals) == 1 + len(OPTIONAL)


def test_table_says_which_bars_are_missed():
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(results_table(record(measurement(is_met=False)).measurements))
    assert "ratio >= 5.00: missed" in console.export_text()


def test_ctrl_c_prints_what_is_finished(tmp_path):
    names = ["dark-room-step-64", "dark-room-random-rollout", "dark-room-annealed-expert"]
    run = subprocess.Popen(
        [*PROGRAM, "bench", *names, "--quick", "--seconds-per-workload", "0.05"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    said = ""
    while "[2/3]" not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    stdout, stderr = run.communicate()
    assert run.returncode == 128 + signal.SIGINT
    assert "dark-room-step-64" in stdout
    assert "1 of 3 workloads were timed" in stderr
    assert "Traceback" not in stderr


def test_paths_are_those_of_the_caller(tmp_path):
    command = [*PROGRAM, "bench", "import-adfast", "--seconds-per-workload", "0.01"]
    subprocess.run([*command, "--record", "here.json"], cwd=tmp_path, check=True)
    assert Record.read(tmp_path / "here.json").measurements[0].name == "import-adfast"


def test_command_hands_its_arguments_over():
    run = subprocess.run([*PROGRAM, "bench", "--help"], capture_output=True, text=True)
    assert "--seconds-per-workload" in run.stdout, run.stderr
