"""A run's model for others: a folder that ten lines of PyTorch load, and the card of every run."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

import adfast
from adfast.errors import InvalidArgument, MissingPackage, RunError, WriteError
from adfast.runs.files.run_directory import CARD
from adfast.runs.model_card import model_card
from cli.command_line import adfast as command
from models.model_cases import random_histories


@pytest.fixture
def exported(finished_run, tmp_path):
    folder = tmp_path / "for-others"
    ended = command("export", finished_run, "--to", folder, "--licence", "mit")
    assert ended.status == 0, ended.stderr
    assert ended.stdout.split() == [str(folder)]
    return folder


@torch.no_grad()
def test_exported_model_needs_no_adfast_and_is_ours(exported, finished_run, monkeypatch):
    names = {path.name for path in exported.iterdir()}
    assert names == {"model.safetensors", "config.json", "model.py", "README.md"}
    assert "import adfast" not in (exported / "model.py").read_text()
    assert "from adfast" not in (exported / "model.py").read_text()
    monkeypatch.syspath_prepend(str(exported))
    sys.modules.pop("model", None)
    try:
        from model import Model  # the folder's

        model = Model(json.loads((exported / "config.json").read_text())).eval()
    finally:
        sys.modules.pop("model", None)
    weights = load_file(exported / "model.safetensors")
    model.load_state_dict(weights)
    assert not [name for name in weights if "optimizer" in name]
    ours = adfast.Run.open(finished_run).model
    batch = random_histories(2, 30, ours.schema)
    torch.testing.assert_close(model(**batch), ours(batch), atol=1e-5, rtol=0)


def test_folder_that_is_there_is_left_alone(exported, finished_run):
    before = sorted(path.name for path in exported.iterdir())
    ended = command("export", finished_run, "--to", exported)
    assert (ended.status, "is there already; give another folder" in ended.stderr) == (2, True)
    assert sorted(path.name for path in exported.iterdir()) == before
    with pytest.raises(InvalidArgument, match=r"licence must be an identifier .*got 'all mine'"):
        adfast.Run.open(finished_run).export(exported / "b", licence="all mine")


def test_place_of_a_link_that_leads_nowhere_and_a_name_too_long(finished_run, tmp_path):
    run = adfast.Run.open(finished_run)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidArgument, match="link is there already"):
        run.export(link)
    for length in (250, 300):  # the name itself fits, or not
        with pytest.raises(WriteError, match="cannot make the folder: File name too long"):
            run.export(tmp_path / ("x" * length))
    assert list(tmp_path.iterdir()) == [link]


@pytest.mark.parametrize("name", ['a"\n```\n\\b', "\udce4", "M\U0001f600del"])
def test_card_loads_the_folder_whatever_its_name_is(finished_run, tmp_path, name):
    folder = adfast.Run.open(finished_run).export(tmp_path / name)
    card = (folder / "README.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    (line,) = [line for line in program.splitlines() if line.startswith("folder = ")]
    found = {"Path": Path}
    exec(line, found)
    assert found["folder"] == Path(name)
    assert card.endswith("such a model again.\n")


def header_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_card_says_what_the_files_of_the_run_say(finished_run, exported):
    card = (finished_run / CARD).read_text()
    evaluation = json.loads((finished_run / "evaluation.json").read_text())
    stages = json.loads((finished_run / "provenance.json").read_text())["stages"]
    summary = evaluation["summary"]
    (result,) = header_of(card)["model-index"][0]["results"]
    first, last = (metric["value"] for metric in result["metrics"])
    assert first == pytest.approx(summary["mean_by_episode"][0], abs=1e-4)
    assert last == pytest.approx(summary["last5_mean"], abs=1e-4)
    assert result["dataset"]["name"] == "dark-room"
    assert f"| histories | {stages['collect']['histories']:,} |" in card
    assert f"of {stages['train']['parameters']:,} parameters" in card
    assert f"{summary['last5_mean']:.2f} (95%: {summary['last5_ci95'][0]:.2f} to" in card
    assert "Tasks: 17 for training, 3 for choices, 5 held out" in card
    assert header_of(card)["license"] == "unknown"
    assert header_of((exported / "README.md").read_text())["license"] == "mit"


def test_card_of_a_hostile_name_and_before_an_evaluation(finished_run, tmp_path):
    run = tmp_path / "a: [b]`*|x"
    shutil.copytree(finished_run, run)
    card = model_card(adfast.Run.open(run))
    assert header_of(card)["model-index"][0]["name"] == run.name
    (run / "evaluation.json").unlink()
    card = model_card(adfast.Run.open(run))
    assert "Not evaluated yet." in card
    assert "model-index" not in header_of(card)


def test_card_says_in_which_variant_of_its_family_figures_are(recipe, tmp_path):
    changes = {
        "evaluation.family": {"name": "dark-room", "options": {"size": 5, "start": "corner"}}
    }
    changes |= {"evaluation.family.options.episode_length": 10, "evaluation.train_tasks": 1}
    run = adfast.Run.create(recipe, tmp_path / "run", changes, progress=False)
    run.carry_out()
    card = (run.path / CARD).read_text()
    assert (
        "an episode in `dark-room` `size = 5`, `start = corner`, `episode_length = 10`, 5" in card
    )


def test_card_of_damaged_notes_is_refused(run_copy):
    notes = json.loads((run_copy / "provenance.json").read_text())
    notes["stages"]["train"]["tokens"] = "many"
    (run_copy / "provenance.json").write_text(json.dumps(notes))
    with pytest.raises(RunError, match=r"train\.tokens must be a whole number, got 'many'; delete"):
        model_card(adfast.Run.open(run_copy))


def test_card_is_of_the_results_that_are_there(run_copy):
    """It goes with the evaluation that it tells of, and who was stopped before it writes it."""
    run = adfast.Run.open(run_copy, progress=False)
    card = (run_copy / CARD).read_text()
    run.directory.forget_from("evaluate")
    assert not (run_copy / CARD).exists()
    run.train()
    assert "Not evaluated yet." in (run_copy / CARD).read_text()
    run.evaluate()
    (run_copy / CARD).unlink()  # stopped between results and card
    run.evaluate()
    again = (run_copy / CARD).read_text()
    earned = [text.split("## What it earned")[1].split("##")[0] for text in (card, again)]
    assert earned[0] == earned[1]


def test_missing_torch_is_said(finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "adfast.packages.find_spec", lambda name: None if name == "torch" else object()
    )
    with pytest.raises(MissingPackage, match=r'pip install "adfast\[train\]"'):
        adfast.Run.open(finished_run).export(tmp_path / "model")
