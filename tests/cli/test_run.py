"""A run goes through its stages once, says what it found, and goes on where it was left."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from adfast import histories
from adfast.runs.recipe.recipe_changes import load_recipe
from cli.command_line import adfast

STAGES = ("collect", "train", "evaluate", "report")


def files_of(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_run_leaves_everything_and_prints_the_result(first_call, recipe):
    directory, ended = first_call
    assert ended.status == 0
    expected = {
        ".lock",
        "run.toml",
        "provenance.json",
        "histories",
        "checkpoints",
        "metrics.jsonl",
        "evaluation.json",
        "model_card.md",
        "trajectories.safetensors",
        "attention.safetensors",
        "report.html",
        "figures",
    }
    assert {path.name for path in directory.iterdir()} == expected
    assert load_recipe(directory / "run.toml") == load_recipe(recipe)
    stages = json.loads((directory / "provenance.json").read_text())["stages"]
    assert tuple(stages) == STAGES
    assert stages["train"]["threads"] == 1
    assert stages["train"]["attention_backend"]
    assert "5 held-out tasks x 2 seeds, weights frozen" in ended.stdout
    assert "return, episodes 2-6" in ended.stdout
    assert "optimum" not in ended.stderr  # results on stdout, progress on stderr
    for stage in STAGES:
        assert stage in ended.stderr


def test_evaluation_holds_what_it_promises(finished_run):
    evaluation = json.loads((finished_run / "evaluation.json").read_text())
    returns = np.array(evaluation["evaluated"]["returns"])
    assert evaluation["family"]["name"] == "dark-room"
    assert evaluation["temperature"] == 1.0
    assert evaluation["episodes"] == 6
    assert returns.shape == (5, 2, 6)
    assert len(evaluation["evaluated"]["task_ids"]) == len(evaluation["evaluated"]["optimal"]) == 5
    assert np.shape(evaluation["train"]["returns"]) == (3, 2, 6)
    assert not set(evaluation["train"]["task_ids"]) & set(evaluation["evaluated"]["task_ids"])
    references = evaluation["references"]
    assert references.keys() >= {"random", "optimal", "source", "ideal_learner"}
    assert len(references["source"]) == 6
    assert references["optimal"] == pytest.approx(np.mean(evaluation["evaluated"]["optimal"]))
    summary = evaluation["summary"]
    assert summary["mean_by_episode"] == pytest.approx(returns.mean(axis=(0, 1)))
    assert summary["last5_mean"] == pytest.approx(returns[:, :, 1:].mean())
    low, high = summary["last5_ci95"]
    assert low <= summary["last5_mean"] <= high
    assert evaluation["version"] == 3
    assert [row["task_id"] for row in evaluation["per_task"]] == evaluation["evaluated"]["task_ids"]
    trajectories = load_file(finished_run / "trajectories.safetensors")
    np.testing.assert_array_equal(trajectories["reward"].sum(axis=-1), returns)


def test_held_out_tasks_are_in_no_history(finished_run):
    store = histories.open(finished_run / "histories")
    evaluation = json.loads((finished_run / "evaluation.json").read_text())
    held_out = set(evaluation["evaluated"]["task_ids"])
    validation = set(store.description["validation_task_ids"])
    assert set(store.description["held_out_task_ids"]) == held_out
    assert len(validation) == 3
    assert set(store.metadata["task_id"]) == set(range(25)) - held_out - validation


def test_finished_run_is_not_repeated(finished_run, recipe):
    before = files_of(finished_run)
    for arguments in ((recipe, "--run", finished_run), (finished_run,)):
        ended = adfast("run", *arguments)
        assert ended.status == 0
        assert ended.stderr.count("finished before") == 4
        assert "held-out tasks" in ended.stdout
    assert files_of(finished_run) == before


def test_json_is_all_that_stdout_gets(finished_run):
    ended = adfast("run", finished_run, "--json")
    summary = json.loads(ended.stdout)
    evaluation = json.loads((finished_run / "evaluation.json").read_text())
    assert summary == evaluation["summary"] | {"run": str(finished_run)}


def test_same_settings_give_the_same_run(finished_run, recipe, tmp_path):
    adfast("run", recipe, "--run", tmp_path / "again")
    one, two = (
        json.loads((directory / "evaluation.json").read_text())
        for directory in (finished_run, tmp_path / "again")
    )
    assert one == two


def test_stage_whose_result_was_deleted_is_done_again(run_copy):
    before = json.loads((run_copy / "evaluation.json").read_text())
    (run_copy / "evaluation.json").unlink()
    (run_copy / "report.html").unlink()
    ended = adfast("run", run_copy)
    assert ended.status == 0
    assert ended.stderr.count("finished before") == 2
    after = json.loads((run_copy / "evaluation.json").read_text())
    assert after["evaluated"] == before["evaluated"]
    assert (run_copy / "report.html").exists()


def test_damaged_shard_is_mended_as_its_message_says(run_copy):
    """Deleting it and collecting again regenerates its block, also in a run that is finished."""
    shard = run_copy / "histories" / "block-000001.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    ended = adfast("train", run_copy, "--fresh")
    assert "delete it and collect again: only its block is regenerated" in ended.stderr
    shard.unlink()
    ended = adfast("run", run_copy)
    assert (ended.status, shard.read_bytes() == whole) == (0, True)
    assert ended.stderr.count("finished before") == 3  # the refused command deleted nothing


def test_earlier_checkpoint_is_not_taken_for_the_trained_model(run_copy, finished_run):
    """Deleting a damaged newest checkpoint, as its message says, leaves a half trained one."""
    newest = run_copy / "checkpoints" / "update-00000012.safetensors"
    whole = newest.read_bytes()
    newest.unlink()
    (run_copy / "evaluation.json").unlink()
    ended = adfast("evaluate", run_copy)
    assert (ended.status, "train is not finished; do it with: " in ended.stderr) == (1, True)
    assert adfast("train", run_copy, "--resume").status == 0
    tensors = load_file(newest)
    newest.write_bytes(whole)
    for name, tensor in load_file(newest).items():
        np.testing.assert_array_equal(tensors[name], tensor)


def test_nothing_counts_as_finished_that_a_killed_fresh_start_left(run_copy, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("adfast.runs.files.run_directory.discard", killed)
    adfast("train", run_copy, "--fresh")
    monkeypatch.undo()
    for stage in ("evaluate", "report"):
        assert "is not finished" in adfast(stage, run_copy).stderr
    assert adfast("run", run_copy).status == 0


def test_other_settings_are_refused_unless_fresh(run_copy):
    before = files_of(run_copy)
    other = (run_copy, "--set", "seed=4", "--set", "training.updates=6")
    ended = adfast("run", *other)
    assert ended.status == 1
    assert "seed: 3, asked 4; training.updates: 12, asked 6" in ended.stderr
    assert "--fresh" in ended.stderr
    assert files_of(run_copy) == before
    ended = adfast("run", *other, "--fresh")
    assert ended.status == 0
    assert json.loads((run_copy / "provenance.json").read_text())["stages"].keys() == set(STAGES)
    names = {path.name for path in (run_copy / "checkpoints").iterdir()}
    assert "update-00000006.safetensors" in names
    assert "update-00000012.safetensors" not in names


def test_infeasible_fresh_start_deletes_nothing(run_copy):
    before = files_of(run_copy)
    ended = adfast("run", run_copy, "--fresh", "--set", "collection.held_out=25")
    assert ended.status == 2
    assert files_of(run_copy) == before


def test_default_directory_is_named_by_the_recipe(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert adfast("collect", recipe).status == 0
    assert (tmp_path / "runs" / "tiny-room" / "run.toml").is_file()


def test_stages_can_be_called_one_by_one(collected_run, finished_run, tmp_path):
    run = shutil.copytree(collected_run, tmp_path / "run")
    for stage in ("train", "evaluate", "report"):
        assert adfast(stage, run).status == 0
    one, two = (
        json.loads((directory / "evaluation.json").read_text()) for directory in (run, finished_run)
    )
    assert one["evaluated"] == two["evaluated"]
    assert (run / "report.html").is_file()


def test_training_is_not_silently_repeated(run_copy):
    checkpoints = files_of(run_copy / "checkpoints")
    ended = adfast("train", run_copy)
    assert (ended.status, "train is finished; to repeat it, add --fresh" in ended.stderr) == (
        1,
        True,
    )
    ended = adfast("train", run_copy, "--resume")
    assert (ended.status, "finished before" in ended.stderr) == (0, True)
    assert files_of(run_copy / "checkpoints") == checkpoints
    assert adfast("train", run_copy, "--fresh").status == 0
    again = files_of(run_copy / "checkpoints")
    assert again.keys() == checkpoints.keys()
    assert not (run_copy / "evaluation.json").exists()  # it was of the model that is gone
    ended = adfast("evaluate", run_copy)
    assert ended.status == 0
    assert "write it with: adfast report" in ended.stdout


def test_begun_training_asks_for_resume(run_copy):
    record = json.loads((run_copy / "provenance.json").read_text())
    for stage in ("train", "evaluate", "report"):
        del record["stages"][stage]
    (run_copy / "provenance.json").write_text(json.dumps(record))
    ended = adfast("train", run_copy)
    assert ended.status == 1
    assert (
        "training has begun; add --resume to continue it, or --fresh to start over" in ended.stderr
    )
    assert adfast("train", run_copy, "--resume").status == 0


@pytest.mark.parametrize(
    ("stage", "way_out"),
    [("train", "adfast collect {run}"), ("evaluate", "adfast train {run} --resume")],
)
def test_stage_without_its_input_names_the_command_that_makes_it(
    collected_run, tmp_path, stage, way_out
):
    run = shutil.copytree(collected_run, tmp_path / "run")
    if stage == "train":
        shutil.rmtree(run / "histories")
    ended = adfast(stage, run)
    assert ended.status == 1
    assert ended.stderr.strip().endswith(way_out.format(run=run))


def test_evaluation_that_is_finished_is_printed_as_json(finished_run):
    before = files_of(finished_run)
    ended = adfast("evaluate", finished_run, "--json")
    assert ended.status == 0
    assert ended.stdout == adfast("run", finished_run, "--json").stdout
    assert files_of(finished_run) == before
