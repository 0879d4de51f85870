"""Parts are made once, go on after a kill to the same numbers, and are never mixed unseen."""

import json
import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest

import runs.reproduction.tiny_study as tiny_study
from adfast.cli import reproduction as command
from adfast.errors import RunError, UnknownName
from adfast.evaluation.statistics import seeds_and_tasks_interval
from adfast.runs.hooks import QUIET, RunHooks
from adfast.runs.reproduction.machine import Machine
from adfast.runs.reproduction.part_record import read_part, rows_of
from adfast.runs.reproduction.pooled import pool, total_seconds
from adfast.runs.reproduction.reproduction import Reproduction
from adfast.runs.reproduction.studies.catalogue import STUDIES
from adfast.runs.reproduction.study_table import Panel, Row, StudyTable
from cli.command_line import adfast
from forked_python import forked
from runs.reproduction.tiny_study import tiny

PROGRAM = ["-m", "runs.reproduction.tiny_study", "reproduce", "tiny"]
NAMES = ["tiny-ad-seed-1", "tiny-ad-seed-2", "tiny-ed-seed-1", "tiny-chance-seed-1",
         "tiny-width-8-seed-1", "tiny-width-16-seed-1"]  # fmt: skip


def reproduction(folder, **changes):
    return Reproduction(tiny(**changes), folder / "results", folder / "runs")


def numbers(folder, name):
    record = read_part(folder / "results" / "parts" / f"{name}.json")
    return record.returns, record.references, record.train_mean


def bytes_of_parts(folder):
    return {path.name: path.read_bytes() for path in (folder / "results" / "parts").iterdir()}


def test_each_part_is_a_small_file_that_tells_what_made_it(made):
    files = sorted((made / "results" / "parts").iterdir())
    assert [file.stem for file in files] == sorted(NAMES)
    assert all(file.stat().st_size < 10_000 for file in files)
    record = read_part(made / "results" / "parts" / "tiny-ad-seed-2.json")
    assert (record.method, record.agent, record.seed) == ("ad", None, 2)
    assert record.array.shape == (5, 6)
    assert record.data.tasks == 17
    assert record.data.source_steps == 17 * 4 * 24 * 10
    assert record.seconds.keys() == {"collect", "train", "evaluate"}
    assert record.provenance["versions"]["torch"]
    assert record.computed_on["train"]["device"] == "cpu"
    chance = read_part(made / "results" / "parts" / "tiny-chance-seed-1.json")
    assert (chance.agent, chance.data, set(chance.seconds)) == ("random", None, {"evaluate"})


def test_parts_of_one_run_train_it_once(made):
    ad, chance, width = (
        read_part(made / "results" / "parts" / f"{name}.json")
        for name in ("tiny-ad-seed-1", "tiny-chance-seed-1", "tiny-width-16-seed-1")
    )
    assert ad.run == chance.run == width.run
    assert len(list((made / "runs").iterdir())) == 4
    together = total_seconds([ad, chance, width])
    assert together == pytest.approx(sum(ad.seconds.values()) + chance.seconds["evaluate"])


def test_what_is_done_is_not_made_again(copied):
    before = bytes_of_parts(copied)
    again = reproduction(copied)
    assert again.jobs() == []
    again.carry_out(QUIET)
    assert bytes_of_parts(copied) == before


def test_a_part_of_other_settings_is_told_left_out_and_made_again(copied):
    other = reproduction(copied, **{"training.updates": 8})
    states = other.states()
    assert states["tiny-ad-seed-1"].standing == "of other settings"
    assert states["tiny-ad-seed-1"].differences == ("training.updates: 12, asked 8",)
    methods = pool(other.table, states)[0]
    assert methods.comparison is None
    assert methods.rows[0].lacks == "of other settings"
    said = []
    hooks = RunHooks(QUIET.should_stop, QUIET.progress, lambda about, text: said.append(text))
    other.carry_out(hooks, ["tiny-ad-seed-1"])
    assert "made before by other settings (training.updates: 12, asked 8)" in said[0]
    methods = pool(other.table, other.states())[0]
    assert methods.rows[0].lacks == "seed 2 of other settings"
    assert [method.label for method in methods.comparison.methods] == ["ad"]


def test_a_file_that_was_changed_by_hand_is_refused(copied):
    path = copied / "results" / "parts" / "tiny-ed-seed-1.json"
    content = json.loads(path.read_text())
    content["settings"]["training.updates"] = 13
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match="hash must be that of the settings"):
        reproduction(copied).states()


def test_parts_that_cannot_be_made_are_told(made):
    again = reproduction(made)
    assert again.states()["tiny-never-seed-1"].standing == "no such method yet"
    with pytest.raises(RunError, match="tiny-never-seed-1: no such method yet"):
        again.jobs(["tiny-never-seed-1"])
    with pytest.raises(UnknownName, match='unknown part "tiny-ad-seed-9"; did you mean "tiny-ad-'):
        again.jobs(["tiny-ad-seed-9"])


def test_rows_are_pooled_with_intervals_over_seeds_and_tasks(made):
    again = reproduction(made)
    methods, width, _ = pool(again.table, again.states())
    records = [
        read_part(made / "results" / "parts" / f"tiny-ad-seed-{seed}.json") for seed in (1, 2)
    ]
    last = [record.array[:, -5:].mean(axis=1) for record in records]
    ad = methods.rows[0]
    assert ad.value == pytest.approx(np.mean([of_seed.mean() for of_seed in last]))
    assert ad.interval == pytest.approx(tuple(seeds_and_tasks_interval(last)))
    assert [row.row.level for row in width.rows] == [8, 16]
    assert all(row.value is not None for row in width.rows)


def test_a_policy_is_a_part_and_so_is_its_evaluation_elsewhere(tmp_path):
    settings = {
        "family.options": {"means": "odd", "bandits": 40, "arms": 4},
        "collection.held_out": 8,
        "collection.validation": 4,
        "rl2.steps": 3_000,
        "rl2.environments": 16,
        "rl2.trial_episodes": 20,
        "rl2.minibatches": 2,
        "rl2.evaluate_every": 4,
        "evaluation.episodes": 20,
        "evaluation.train_tasks": 0,
    }
    even = {
        "evaluation.family.name": "bandit",
        "evaluation.family.options": {"means": "even", "bandits": 40, "arms": 4},
    }
    rows = [
        Row(f"b{level}", "rl2", "bandit", "rl2", settings, elsewhere, level=level, series="rl2")
        for level, elsewhere in enumerate([{}, even])
    ]
    panel = Panel("Bandit", tuple(rows), axis="best arm", measure="share of the source")
    table = StudyTable("bandits", "Bandits", "", (panel,))
    study = Reproduction(table, tmp_path / "results", tmp_path / "runs", Machine("cpu", 1))
    study.carry_out(QUIET)
    odd, even = (study.states()[f"b{level}-seed-1"].record for level in (0, 1))
    assert odd.run == even.run
    assert odd.method == "rl2"
    assert odd.data.source_steps >= 3_000
    assert odd.training.transitions[-1] <= odd.data.source_steps
    assert "even" in even.tasks
    (pooled,) = pool(table, study.states())
    for row, record in zip(pooled.rows, (odd, even), strict=True):
        gained = record.array.mean() - record.references.random
        whole = np.mean(record.references.source) - record.references.random
        assert row.value == pytest.approx(gained / whole)


def test_the_folder_of_a_run_is_named_by_what_is_set():
    part = tiny().parts["tiny-ad-seed-1"]
    same = tiny(**{"model.qk_norm": False}).parts["tiny-ad-seed-1"]
    other = tiny(**{"model.qk_norm": True}).parts["tiny-ad-seed-1"]
    assert part.run_name == same.run_name != other.run_name
    assert part.run_name.startswith("dark-room-ad-seed-1-")


def test_many_tasks_become_fewer_rows_of_the_same_mean():
    returns = np.random.default_rng(0).random((2000, 7))
    rows, size = rows_of(returns)
    assert (len(rows), size) == (125, 16)
    assert rows.mean(axis=0) == pytest.approx(returns.mean(axis=0))
    assert rows_of(returns[:127])[1] == 1


def test_killed_in_training_it_goes_on_to_the_same_numbers(made, tmp_path):
    part = "tiny-ad-seed-1"
    command = [*PROGRAM, "--part", part, "--results", tmp_path / "results"]
    command += ["--runs", tmp_path / "runs"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with forked(command, environment, tmp_path) as process:
        checkpoints = "runs/dark-room-ad-seed-1-*/checkpoints/*.safetensors"
        while not list(tmp_path.glob(checkpoints)):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "results").exists()
    reproduction(tmp_path).carry_out(QUIET, [part])
    assert numbers(tmp_path, part) == numbers(made, part)


@pytest.mark.slow
def test_several_processes_make_the_same_parts(copied, made, monkeypatch):
    """One makes three parts of a run that they share, the other one of another run."""
    missing = ("tiny-ad-seed-1", "tiny-chance-seed-1", "tiny-width-16-seed-1", "tiny-ad-seed-2")
    for name in missing:
        (copied / "results" / "parts" / f"{name}.json").unlink()
    shutil.rmtree(copied / "runs")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setitem(STUDIES, "tiny", tiny)
    monkeypatch.setattr(command, "PROGRAM", (sys.executable, tiny_study.__file__))
    folders = ("--results", copied / "results", "--runs", copied / "runs")
    ended = adfast("reproduce", "tiny", "--jobs", 2, *folders)
    assert ended.status == 0, ended.stderr
    assert "6 of 7 parts done" in ended.stdout
    assert len(list((copied / "runs" / "logs").iterdir())) == 2
    for name in NAMES:
        assert numbers(copied, name) == numbers(made, name)
    assert (copied / "results" / "tiny.md").is_file()
