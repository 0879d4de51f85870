from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from adfast.errors import RunError
from adfast.runs.files.run_record import read_run
from report.synthetic_run import EPISODES, HELD_OUT, SEEDS, edit_evaluation


def test_reads_every_file_of_a_run(finished_run: Path) -> None:
    run = read_run(finished_run)
    assert run.name == "dark-room"
    assert run.evaluation.evaluated.array.shape == (len(HELD_OUT), SEEDS, EPISODES)
    assert run.metrics is not None
    assert run.metrics[-1].update == 600
    assert run.trajectories is not None
    returns = run.trajectories.reward.sum(axis=-1)
    np.testing.assert_array_equal(returns, run.evaluation.evaluated.array)
    assert run.configuration is not None
    assert run.configuration["model"]["width"] == 64


def test_missing_optional_files_are_none(run_copy: Path) -> None:
    for name in (
        "run.toml", "provenance.json", "metrics.jsonl", "trajectories.safetensors",
        "attention.safetensors",
    ):  # fmt: skip
        (run_copy / name).unlink()
    run = read_run(run_copy)
    assert run.configuration is run.provenance is run.metrics is run.trajectories is None
    assert run.attention is None


def test_metrics_without_a_line_are_none(run_copy: Path) -> None:
    (run_copy / "metrics.jsonl").write_text("")
    assert read_run(run_copy).metrics is None


def test_last_line_that_a_kill_cut_short_is_left_out(run_copy: Path) -> None:
    path = run_copy / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    metrics = read_run(run_copy).metrics
    assert metrics is not None
    assert metrics[-1].update == 595


def test_run_without_evaluation_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "run.toml").touch()
    with pytest.raises(RunError, match=r"no evaluation\.json.*adfast evaluate"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("episodes", "many", r"episodes must be a whole number"),
        ("episodes", 41, r"evaluated\.returns must cover 41 episodes, got 40"),
        ("evaluated.optimal", [1.0], r"one entry per task, got 16, 16 and 1"),
        ("evaluated.returns", [[[1.0], [1.0, 2.0]]] * 16, r"\[tasks\]\[seeds\]\[episodes\]"),
        ("evaluated.returns", [[[]]] * 16, r"\[tasks\]\[seeds\]\[episodes\]"),
        ("summary.last5_mean", float("nan"), r"last5_mean must be a finite"),
        ("summary.ci95_by_episode", [[0.0, 1.0]], r"must cover 40 episodes, got 1"),
        ("per_task.0.task_id", 81, r"per_task must list the tasks"),
        ("family.name", "dark-rom", r'family: unknown task family "dark-rom".*dark-room'),
        ("family.size", 9, r"family\.size must not be there"),
        ("family.options", {"sise": 9}, r"family: .*size"),
        ("family.options", {"size": -1}, r"family: .*size"),
    ],
)
def test_damaged_evaluation_names_file_field_and_way_out(
    run_copy: Path, field: str, value: object, message: str
) -> None:
    edit_evaluation(run_copy, field, value)
    with pytest.raises(RunError, match=rf"evaluation\.json: .*{message}.*; "):
        read_run(run_copy)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("evaluation.json", b'{"family"', r"not valid JSON"),
        ("evaluation.json", b"[]", r"must be a JSON object, got "),
        ("evaluation.json", b"\xff\xfe\xfd", r"not valid JSON"),
        ("provenance.json", b"none", r"not valid JSON"),
        ("metrics.jsonl", b'{"update": 1}\n', r"line 1: damaged: tokens must be there"),
        ("metrics.jsonl", b"{}}\n", r"line 1: damaged: not a row of metrics"),
        ("run.toml", b"[family\n", r"not valid TOML"),
        ("run.toml", b"\xff\n", r"codec can't decode"),
        ("trajectories.safetensors", b"\x00" * 7, r"not valid safetensors"),
        ("attention.safetensors", b"\x00" * 7, r"not valid safetensors"),
    ],
)
def test_damaged_file_is_named_with_rule_and_way_out(
    run_copy: Path, name: str, content: bytes, message: str
) -> None:
    (run_copy / name).write_bytes(content)
    with pytest.raises(RunError, match=rf"{name}.*{message}.*; "):
        read_run(run_copy)


def test_metrics_that_go_back_are_refused(run_copy: Path) -> None:
    path = run_copy / "metrics.jsonl"
    first = path.read_text().splitlines()[0]
    path.write_text(f"{first}\n{first}\n")
    with pytest.raises(RunError, match=r"line 2: update must be above the 5 .*got 5"):
        read_run(run_copy)


@pytest.mark.parametrize("name", ["observation", "action", "reward", "length", "boundary"])
def test_trajectories_of_another_evaluation_are_refused(run_copy: Path, name: str) -> None:
    path = run_copy / "trajectories.safetensors"
    arrays = load_file(path)
    save_file(arrays | {name: arrays[name][:, :, 1:].copy()}, path)
    with pytest.raises(RunError, match=rf"{name} must be .*like evaluation\.json"):
        read_run(run_copy)
    del arrays[name]
    save_file(arrays, path)
    with pytest.raises(RunError, match=rf"{name} must be .*got nothing"):
        read_run(run_copy)


@pytest.mark.parametrize(
    ("file", "name", "change", "message"),
    [
        ("trajectories", "length", lambda a: a * 0, r"length must be in 1\.\.20, got 0"),
        (
            "trajectories",
            "reward",
            lambda a: a.astype(np.float64),
            r"reward must be uint8, .*float64",
        ),
        ("attention", "age", lambda a: a[:, 1:], r"the shapes of the record do not agree"),
        ("attention", "age", lambda a: a + 1, r"age must be in .*, got 1"),
        ("attention", "task", lambda a: a + 90, r"task must be in 0\.\.15, got 9\d"),
        ("attention", "seed", lambda a: a - 9, r"seed must be in 0\.\.3, got -\d"),
        ("attention", "role", lambda a: a + 3, r"role must be in 0\.\.2, got 3"),
        ("attention", "window", lambda a: a[:1], r"the shapes of the record do not agree"),
    ],
)
def test_arrays_that_contradict_the_run_are_refused(
    run_copy: Path, file: str, name: str, change: Callable[[Any], Any], message: str
) -> None:
    path = run_copy / f"{file}.safetensors"
    arrays = load_file(path)
    save_file(arrays | {name: np.ascontiguousarray(change(arrays[name]))}, path)
    with pytest.raises(
        RunError, match=rf"{file}\.safetensors: {message}.*; evaluate the run again"
    ):
        read_run(run_copy)


def test_attention_longer_than_its_record_is_refused(run_copy: Path) -> None:
    path = run_copy / "attention.safetensors"
    arrays = load_file(path)
    for name in ("age", "percent"):
        arrays[name] = arrays[name][:, :799].copy()
    save_file(arrays, path)
    with pytest.raises(RunError, match=r"number of transitions must be in 1\.\.799, got 800"):
        read_run(run_copy)


def test_record_of_no_run_is_read(run_copy: Path) -> None:
    path = run_copy / "attention.safetensors"
    arrays = load_file(path)
    none = {name: array[:0].copy() for name, array in arrays.items() if name != "window"}
    save_file(arrays | none, path)
    attention = read_run(run_copy).attention
    assert attention is not None
    assert len(attention.role) == 0


def test_family_that_is_not_registered_is_answered_with_what_to_do(run_copy: Path) -> None:
    edit_evaluation(run_copy, "family.name", "my-room")
    with pytest.raises(RunError, match=r'"my-room".*; install the package that registers it'):
        read_run(run_copy)
