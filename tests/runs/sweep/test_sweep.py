"""A sweep carries out each point once, shares histories, goes on, and tells what it found."""

import itertools
import json
import shutil

import numpy as np
import pytest

from adfast import histories
from adfast.runs.stages import collect_and_train
from adfast.runs.sweep import sweep
from adfast.runs.sweep.record import read_sweep
from cli.command_line import adfast

VARY = ("--vary", "model.attention_window=5,20", "--vary",
        "{training.context_length=[10,20], training.batch_size=[8,4]}")  # fmt: skip
SMALL = ("--set", "training.evaluate_every=none", "--set", "training.updates=4")
SHORT, LONG = ("attention_window=5,context_length=10,batch_size=8",
               "attention_window=20,context_length=20,batch_size=4")  # fmt: skip


@pytest.fixture(scope="session")
def first_sweep(recipe, tmp_path_factory):
    """The directory of a finished sweep that no test changes, and how the call ended."""
    path = tmp_path_factory.mktemp("sweeps") / "tiny-sweep"
    ended = adfast("sweep", recipe, *VARY, *SMALL, "--out", path, draws=True)
    assert ended.status == 0, ended.stderr
    return path, ended


@pytest.fixture
def sweep_copy(first_sweep, tmp_path):
    return shutil.copytree(first_sweep[0], tmp_path / "copy", symlinks=True)


def times_of(path):
    results = ("evaluation.json", "manifest.json", "metrics.jsonl")
    return {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.name in results}


def results_of(path):
    record = json.loads((path / "sweep.json").read_text())
    for point in record["points"]:
        del point["seconds"]
    return record["points"], record["axes"]


def test_every_point_is_a_run_and_all_are_told(first_sweep):
    path, ended = first_sweep
    record = read_sweep(path)
    assert [point.runs for point in record.points][::3] == [(SHORT,), (LONG,)]
    assert [axis.levels for axis in record.axes] == [(("5",), ("20",)), (("10",), ("20",))]
    for point in record.points:
        evaluation = json.loads((path / point.runs[0] / "evaluation.json").read_text())
        summary = evaluation["summary"]
        assert point.mean_by_episode == pytest.approx(summary["mean_by_episode"])
        assert point.last5_mean == pytest.approx(summary["last5_mean"])
        assert point.last5_ci95 == pytest.approx(tuple(summary["last5_ci95"]))
        losses = json.loads((path / point.runs[0] / "history_loss.json").read_text())
        assert list(point.history_loss.loss) == losses["by_position"]["loss"]
        assert point.history_loss.edges[-1] == 100
        assert point.receptive_field_transitions == point.settings["model.attention_window"]
    assert record.base["training"]["updates"] == 4
    assert "attention_window" not in record.base["model"]
    assert (path / "sweep.png").stat().st_size > 10_000
    assert (path / "sweep.html").is_file()
    assert "4 points" in ended.stdout
    assert f"{record.points[-1].last5_mean:.2f}" in ended.stdout
    assert f"[4/4] {LONG}" in ended.stderr


def test_histories_are_collected_once(first_sweep):
    path, _ = first_sweep
    (shared,) = (path / "histories").iterdir()
    for run in (SHORT, LONG):
        assert (path / run / "histories").resolve() == shared.resolve()
    assert histories.open(path / SHORT / "histories").num_histories == 68


def test_what_is_finished_is_not_repeated(sweep_copy, recipe):
    before = times_of(sweep_copy)
    for arguments in ((sweep_copy,), (recipe, *VARY, *SMALL, "--out", sweep_copy)):
        ended = adfast("sweep", *arguments)
        assert ended.status == 0
        assert ended.stderr.count("finished before") == 4
        assert "4 points" in ended.stdout
    assert times_of(sweep_copy) == before


def test_further_level_adds_runs_alone(sweep_copy, recipe):
    before = times_of(sweep_copy)
    vary = [text.replace("=5,20", "=5,20,40") for text in VARY]
    ended = adfast("sweep", recipe, *vary, *SMALL, "--out", sweep_copy)
    assert ended.stderr.count("finished before") == 4
    assert len(read_sweep(sweep_copy).points) == 6
    after = times_of(sweep_copy)
    assert {file: after[file] for file in before} == before


def interrupted_at_second_call(function):
    calls = itertools.count(1)

    def call(*arguments):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return function(*arguments)

    return call


@pytest.mark.parametrize("work", ["train", "history_loss"])
def test_interrupted_sweep_goes_on(recipe, tmp_path, monkeypatch, first_sweep, work):
    path = tmp_path / "tiny-sweep"
    with monkeypatch.context() as patch:
        if work == "train":
            patch.setattr(
                collect_and_train, "train", interrupted_at_second_call(collect_and_train.train)
            )
        else:
            measure = interrupted_at_second_call(sweep.measure_history_loss)
            patch.setattr(sweep, "measure_history_loss", measure)
        ended = adfast("sweep", recipe, *VARY, *SMALL, "--out", path)
    assert ended.status == 130
    assert ended.stderr.strip().endswith(f"to continue: adfast sweep {path}")
    assert len(read_sweep(path).points) == 1
    ended = adfast("sweep", path)
    assert ended.status == 0
    assert "[1/4]" in ended.stderr
    assert results_of(path) == results_of(first_sweep[0])


def test_seeds_are_pooled(recipe, tmp_path):
    path = tmp_path / "seeds"
    ended = adfast("sweep", recipe, "--vary", "model.attention_window=5", "--seeds", 2, *SMALL,
                   "--out", path, "--json")  # fmt: skip
    (point,) = json.loads(ended.stdout)["points"]
    assert len(list((path / "histories").iterdir())) == 2
    returns, losses = [], []
    for run in point["runs"]:
        evaluation = json.loads((path / run / "evaluation.json").read_text())
        returns.append(np.mean(evaluation["evaluated"]["returns"], axis=(0, 1)))
        measured = json.loads((path / run / "history_loss.json").read_text())
        losses.append(measured["by_position"]["loss"])
    assert point["mean_by_episode"] == pytest.approx(np.mean(returns, axis=0))
    assert point["history_loss"]["loss"] == pytest.approx(np.mean(losses, axis=0))


def test_loss_is_measured_again_with_the_training(sweep_copy):
    before = results_of(sweep_copy)
    assert adfast("evaluate", sweep_copy / LONG, "--fresh").status == 0
    assert (sweep_copy / LONG / "history_loss.json").exists()
    assert adfast("train", sweep_copy / LONG, "--fresh").status == 0
    assert not (sweep_copy / LONG / "history_loss.json").exists()
    ended = adfast("sweep", sweep_copy)
    assert ended.stderr.count("finished before") == 3 + 2  # and two stages of the one run
    assert results_of(sweep_copy) == before


def test_settings_of_the_evaluation_vary_without_training_again(recipe, tmp_path):
    path = tmp_path / "sweep"
    vary = ("--vary", "evaluation.temperature=.1,2", "--vary", "model.attention_window=5,20")
    ended = adfast("sweep", recipe, *vary, *SMALL, "--out", path, "--json")
    assert ended.status == 0, ended.stderr
    points = json.loads(ended.stdout)["points"]
    assert [(point["runs"], point["evaluation"]) for point in points] == [
        (["attention_window=5"], "temperature=0.1"),
        (["attention_window=20"], "temperature=0.1"),
        (["attention_window=5"], "temperature=2"),
        (["attention_window=20"], "temperature=2"),
    ]
    assert len(list(path.glob("*/checkpoints"))) == 2
    assert len(list(path.glob("*/evaluations/*/evaluation.json"))) == 4
    assert points[0]["mean_by_episode"] != points[2]["mean_by_episode"]
    assert points[0]["history_loss"] == points[2]["history_loss"]
    again = adfast("sweep", path)
    assert again.stderr.count("finished before") == 4


def test_sweep_of_other_settings_is_refused_unless_fresh(sweep_copy, recipe):
    before = times_of(sweep_copy)
    other = ("sweep", recipe, *VARY, "--set", "training.updates=2", *SMALL[:2], "--out", sweep_copy)
    ended = adfast(*other)
    assert ended.status == 1
    assert "sweep with different settings (training.updates: 4, asked 2)" in ended.stderr
    assert times_of(sweep_copy) == before
    assert adfast(*other, "--fresh", "--vary", "model.width=16").status == 0
    assert "attention_window=5,context_length=10,batch_size=8,width=16" in {
        entry.name for entry in sweep_copy.iterdir()
    }
    assert not (sweep_copy / SHORT).exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "does not say what to vary; add --vary"),
        (("--vary", "model.widht=16"), 2, 'did you mean "model.width"'),
        (("--vary", "collection.held_out=5,25"), 2, "held_out=25: collection.held_out must be in"),
    ],
)
def test_bad_sweep_starts_nothing(recipe, tmp_path, arguments, status, message):
    ended = adfast("sweep", recipe, *arguments, "--out", tmp_path / "sweep")
    assert (ended.status, message in ended.stderr) == (status, True), ended.stderr
    assert not (tmp_path / "sweep").exists()


def test_folder_that_is_no_sweep_is_refused(finished_run, recipe):
    ended = adfast("sweep", recipe, *VARY, "--out", finished_run)
    assert ended.status == 1
    assert "is no empty directory and holds no sweep" in ended.stderr


def test_directory_to_go_on_with_takes_no_other(first_sweep, tmp_path):
    ended = adfast("sweep", first_sweep[0], "--out", tmp_path)
    assert ended.status == 2
    assert "is a sweep's directory already; leave out --out" in ended.stderr
