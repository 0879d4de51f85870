"""The stages' own choices; what they leave behind is tested with whole runs."""

import json
import re
import shutil

import numpy as np
import pytest

from adfast.runs.recipe.deployment import spread
from cli.command_line import adfast


def test_evaluated_training_tasks_are_spread_over_all():
    task_ids = np.arange(100, 165)
    np.testing.assert_array_equal(spread(task_ids, 5), [100, 113, 126, 139, 152])
    np.testing.assert_array_equal(spread(task_ids, 65), task_ids)
    np.testing.assert_array_equal(spread(task_ids, 99), task_ids)
    assert len(spread(task_ids, 0)) == 0


def test_a_loss_that_is_not_finite_ends_training_in_one_sentence(recipe, tmp_path, monkeypatch):
    run = tmp_path / "run"
    assert adfast("collect", recipe, "--run", run).status == 0
    monkeypatch.setattr(
        "adfast.training.gradients.sharded_gradient.next_action_loss",
        lambda logits, *_: logits.mean() * np.nan,
    )
    first = adfast("train", run)
    assert first.status == 1
    sentence = first.stderr.splitlines()[-1]
    assert re.search(r"training stopped at update \d+: the loss or its gradient is not", sentence)
    assert not list((run / "checkpoints").glob("*")) or "last good checkpoint" in sentence
    again = adfast("train", run, "--resume")
    assert (again.status, again.stderr.splitlines()[-1]) == (1, sentence)


@pytest.mark.parametrize(
    ("stage", "old", "new", "message"),
    [
        ("train", "episodes = 10", "episodes = 9", "collection.episodes: 10, asked 9"),
        ("train", "seed = 3", "seed = 4", "seed: 3, asked 4"),
        ("evaluate", "width = 16", "width = 32", "model.width: 16, asked 32"),
    ],
)
def test_settings_changed_by_hand_between_stages_are_refused_by_name(
    run_copy, stage, old, new, message
):
    settings = run_copy / "run.toml"
    assert old in settings.read_text()
    settings.write_text(settings.read_text().replace(old, new, 1))
    if stage == "train":
        shutil.rmtree(run_copy / "checkpoints")
    ended = adfast(stage, run_copy, *(["--fresh"] if stage == "evaluate" else []))
    assert ended.status == 1
    assert message in ended.stderr


def test_what_is_never_drawn_is_said_and_noted(recipe, tmp_path):
    run = tmp_path / "run"
    early = ["--set", "family.options.terminate_at_goal=true"]
    early += ["--set", "training.context_length=60"]
    assert adfast("collect", recipe, "--run", run, *early).status == 0
    ended = adfast("train", run)
    assert ended.status == 0, ended.stderr
    assert "are never drawn: they hold no window of training.context_length = 60" in ended.stderr
    noted = json.loads((run / "provenance.json").read_text())["stages"]["train"]["never_drawn"]
    assert 0 < noted["histories"] < noted["all_histories"]
