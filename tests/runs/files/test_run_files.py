"""Each file of a run has one writer and one schema; what earlier versions wrote is read."""

import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import adfast
from adfast import durable
from adfast.errors import RunError
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.stage_records import Provenance
from cli.command_line import adfast as command

MECHANICS = ("adfast.durable", "adfast.runs.files.run_directory")  # who writes stands above them


def test_each_file_has_one_writer(recipe, tmp_path, monkeypatch):
    writers = defaultdict(set)
    plain = durable.write_whole

    def noted(temporary, chunks, path):
        frame = sys._getframe(1)
        while frame.f_globals["__name__"] in MECHANICS and "create" not in frame.f_code.co_name:
            frame = frame.f_back
        writers[path.relative_to(tmp_path / "run")].add(frame.f_globals["__name__"])
        plain(temporary, chunks, path)

    monkeypatch.setattr(durable, "write_whole", noted)
    settings = {"evaluation.temperature": 0.5}
    for _ in range(2):  # what is finished is written by nobody
        run = adfast.Run.create(recipe, tmp_path / "run", progress=False)
        run.carry_out()
        run.evaluate("cool", settings)
        adfast.write_report(run)
    run.train(fresh=True)
    run.carry_out()
    several = {str(path): names for path, names in writers.items() if len(names) != 1}
    assert several == {}
    assert {"evaluation.json", "provenance.json", "run.toml", "report.html"} <= {
        path.name for path in writers
    }
    assert writers[Path("evaluation.json")] == {"adfast.runs.stages.evaluation_stage"}
    assert writers[Path("provenance.json")] == {"adfast.runs.files.stage_records"}


def test_files_say_their_version(finished_run):
    for name, results in (("evaluation", EvaluationResults), ("provenance", Provenance)):
        assert (
            json.loads((finished_run / f"{name}.json").read_text())["version"]
            == results.current_version()
        )


def as_version_1(run):
    """Turn a run's files into what adfast wrote before they had versions."""
    evaluation = json.loads((run / "evaluation.json").read_text())
    provenance = json.loads((run / "provenance.json").read_text())
    del evaluation["version"], evaluation["agent"], provenance["version"]
    evaluation["seconds"] = {name: s["seconds"] for name, s in provenance["stages"].items()}
    evaluation["history_loss"] = {"edges": [0, 1], "loss": [0.5]}
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    (run / "provenance.json").write_text(json.dumps(provenance))


def test_run_of_an_earlier_version_is_read_and_drawn(run_copy):
    before = adfast.Run.open(run_copy).evaluate()
    as_version_1(run_copy)
    ended = command("run", run_copy)
    assert (ended.status, ended.stderr.count("finished before")) == (0, 4), ended.stderr
    assert "5 held-out tasks" in ended.stdout
    assert adfast.Run.open(run_copy).evaluate().evaluated == before.evaluated
    assert command("report", run_copy).status == 0
    assert "Time:" in (run_copy / "report.html").read_text()


@pytest.mark.parametrize("name", ["evaluation.json", "provenance.json"])
def test_file_of_a_later_version_is_refused_in_a_sentence(run_copy, name):
    content = json.loads((run_copy / name).read_text()) | {"version": 99}
    (run_copy / name).write_text(json.dumps(content))
    with pytest.raises(RunError, match=rf"{name}: written by a later adfast \(version 99 of the"):
        adfast.Run.open(run_copy, progress=False).evaluate()
