"""A run in Python is that of the command line; its stages return what they leave, once."""

import json
import shutil

import pytest
import torch

import adfast
from adfast.errors import InUse, InvalidArgument, RunError, UnknownName
from adfast.models.checkpoint import read_tensors
from adfast.runs.files.stage_records import read_stages
from cli.command_line import adfast as command

TIMES = ("seconds", "waiting_seconds")


def without_times(path):
    """The content of a run's file but for the seconds in it; of a checkpoint what it says."""
    if path.name == "metrics.jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [{name: row[name] for name in row if name not in TIMES} for row in rows]
    if path.parent.name == "checkpoints":
        tensors, metadata = read_tensors(path)
        for name in TIMES:
            del metadata["training"][name]
        return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}, metadata
    return path.read_bytes()


def contents(run):
    """Everything in a run but its lock, provenance, page and card, by its path."""
    apart = (".lock", "provenance.json", "report.html", "model_card.md")
    files = [path for path in run.rglob("*") if path.is_file() and path.name not in apart]
    return {str(path.relative_to(run)): without_times(path) for path in sorted(files)}


def checkpoints(run):
    """The files of a run's checkpoints, of which there is one at least."""
    files = list((run / "checkpoints").iterdir())
    assert files
    return files


def page_at_equal_times(run, folder):
    """The page and the figures of a run, drawn where nothing took any time."""
    copy = folder / "a" / run.name
    shutil.rmtree(folder / "a", ignore_errors=True)
    shutil.copytree(run, copy)
    (copy / "provenance.json").unlink()
    rows = [json.loads(line) for line in (copy / "metrics.jsonl").read_text().splitlines()]
    (copy / "metrics.jsonl").write_text(
        "".join(json.dumps(r | {"seconds": 1}) + "\n" for r in rows)
    )
    page = adfast.write_report(copy)
    figures = sorted((copy / "figures").iterdir())
    return page.read_bytes(), [(path.name, path.read_bytes()) for path in figures]


@pytest.mark.usefixtures("drawn_figures")
def test_python_path_is_the_run_of_the_command_line(recipe, finished_run, tmp_path):
    run = adfast.Run.create(recipe, tmp_path / finished_run.name, progress=False)
    run.carry_out()
    page = adfast.write_report(run)
    assert page.is_file()
    assert contents(run.path) == contents(finished_run)
    assert page_at_equal_times(run.path, tmp_path) == page_at_equal_times(finished_run, tmp_path)
    assert list(read_stages(run.path)) == list(read_stages(finished_run))


def test_stages_return_what_they_leave_and_pass_over_what_is_finished(run_copy, capsys):
    run = adfast.Run.open(run_copy)
    store, model, results = run.collect(), run.train(), run.evaluate()
    assert store.num_histories == 68
    assert model is run.model
    assert results.evaluated.array.shape == (5, 2, 6)
    assert results == adfast.Run.open(run_copy).carry_out()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("finished before") == 3 + 3
    adfast.Run.open(run_copy, progress=False).carry_out()
    assert capsys.readouterr().err == ""


def test_run_knows_what_it_is_about(finished_run):
    run = adfast.Run.open(finished_run)
    assert run.family.num_tasks == 25
    assert run.family is run.family
    assert len(run.split.held_out) == 5
    assert len(run.split.validation) == 3
    assert run.plan.num_histories == 68
    assert run.source.name == "q-learning"
    assert run.histories.num_histories == 68
    assert isinstance(run.model, torch.nn.Module)
    assert run.recipe == adfast.Recipe(**run.recipe.model_dump())
    assert "collect, train, evaluate, report finished" in repr(run)


@pytest.mark.parametrize(
    "settings",
    [
        {"training.updates": 6, "model.attention_window": None},
        {"training": {"updates": 6}, "model": {"attention_window": "none"}},
        ["training.updates=6", "model.attention_window=none"],
    ],
    ids=["dotted", "tables", "as on the command line"],
)
def test_settings_change_the_recipe(recipe, tmp_path, settings):
    run = adfast.Run.create(recipe, tmp_path / "run", settings)
    assert run.recipe.training.updates == 6
    assert run.recipe.model.attention_window is None
    again = adfast.Run.create(run.recipe, tmp_path / "run")
    assert again.recipe == run.recipe


def test_cell_that_is_run_again_goes_on_and_another_says_how(recipe, tmp_path):
    first = adfast.Run.create(recipe, tmp_path / "run", progress=False)
    first.collect()
    adfast.Run.create(recipe, tmp_path / "run", progress=False).collect()
    changed = {"training.updates": 6}
    with pytest.raises(RunError, match=r"training.updates: 12, asked 6.*in Python fresh=True"):
        adfast.Run.create(recipe, tmp_path / "run", changed)
    fresh = adfast.Run.create(recipe, tmp_path / "run", changed, fresh=True)
    assert read_stages(fresh.path) == {}
    with pytest.raises(RunError, match="has other settings than when it was opened"):
        first.collect()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"training.updats": 6}, UnknownName, 'did you mean "training.updates"'),
        ({"training.updates": "many"}, InvalidArgument, "training.updates must be"),
        ({"collection.held_out": 25}, InvalidArgument, r"collection\.held_out must be in"),
    ],
)
def test_settings_that_no_run_could_have_leave_nothing(recipe, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        adfast.Run.create(recipe, tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_what_is_no_recipe_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match="recipe must be a recipe's name, its path or a Rec"):
        adfast.Run.create(3, tmp_path)
    with pytest.raises(InvalidArgument, match="the run of a Recipe needs a path"):
        adfast.Run.create(adfast.Recipe())
    with pytest.raises(RunError, match="holds no run"):
        adfast.Run.open(tmp_path)


def test_stage_is_done_again_where_it_is_asked_for(run_copy):
    run = adfast.Run.open(run_copy, progress=False)
    before = contents(run_copy)
    written = {path.name: path.stat().st_mtime_ns for path in checkpoints(run_copy)}
    run.train(fresh=True)
    for path in checkpoints(run_copy):
        assert path.stat().st_mtime_ns > written[path.name]
    assert not (run_copy / "evaluation.json").exists()
    run.evaluate()
    after = contents(run_copy)
    assert after == {path: before[path] for path in after}


def test_run_is_locked_while_it_is_worked_on_alone(run_copy):
    one, two = adfast.Run.open(run_copy), adfast.Run.open(run_copy, progress=False)
    with one.locked():
        with one.locked():
            one.carry_out()
        with pytest.raises(InUse, match="is being worked on by process"):
            two.collect()
    two.collect()


def test_live_run_collects_nothing(recipe, tmp_path):
    run = adfast.Run.create(recipe, tmp_path / "run", {"collection.live": True}, progress=False)
    assert run.collect() is None
    with pytest.raises(RunError, match=r"has no history store: collection\.live = true"):
        run.histories  # noqa: B018
    assert run.carry_out().evaluated.array.shape == (5, 2, 6)
    assert not (run.path / "histories").exists()


def test_stage_without_its_input_says_which_command_makes_it(recipe, tmp_path):
    run = adfast.Run.create(recipe, tmp_path / "run", progress=False)
    with pytest.raises(RunError, match="collect is not finished; do it with: adfast collect"):
        run.train()
    with pytest.raises(RunError, match="train is not finished"):
        run.evaluate()
    with pytest.raises(RunError, match="evaluate is not finished"):
        adfast.write_report(run)
    assert command("train", run.path).status == 1
