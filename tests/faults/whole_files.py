"""Checks that what lies in the directory of a run or a sweep is whole, however it was ended."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from safetensors.numpy import load_file

from adfast import histories
from adfast.models.checkpoint import read_tensors
from adfast.runs.recipe.from_recipe import last_checkpoint
from adfast.runs.recipe.recipe_changes import load_recipe
from adfast.runs.sweep.record import read_sweep
from adfast.training.metrics import read_metrics

STAGE_RESULTS = {
    "collect": ("histories/manifest.json",),
    "train": ("metrics.jsonl", "checkpoints"),
    "evaluate": ("evaluation.json", "trajectories.safetensors"),
    "history_loss": ("history_loss.json",),
    "report": ("report.html", "figures"),
}


def assert_no_half_result(run: Path, expected: Path) -> None:
    """Every file with a name of its own is whole, and what is noted as finished is there.

    `expected` is the same run, carried out without interruption.
    """
    settings = run / "run.toml"
    if not settings.exists():
        assert not (run / "provenance.json").exists()
        return
    assert load_recipe(settings) == load_recipe(expected / "run.toml")
    if (run / "histories" / "manifest.json").exists():
        histories.open(run / "histories", allow_incomplete=True).verify()
    for path in run.glob("checkpoints/update-*"):
        read_tensors(path)
    rows = [row["update"] for row in read_metrics(run / "metrics.jsonl")]
    assert rows == [row["update"] for row in read_metrics(expected / "metrics.jsonl")][: len(rows)]
    if (run / "evaluation.json").exists():
        assert_same_evaluation(run, expected)
    if (run / "trajectories.safetensors").exists():
        load_file(run / "trajectories.safetensors")
    if (run / "report.html").exists():
        assert (run / "report.html").read_text().rstrip().endswith("</html>")
    for figure in run.glob("figures/*.png"):
        with Image.open(figure) as image:
            image.load()
    stages = {}
    if (run / "provenance.json").exists():
        stages = json.loads((run / "provenance.json").read_text())["stages"]
    for stage in stages:
        for result in STAGE_RESULTS[stage]:
            assert (run / result).exists(), (stage, result)
    if "collect" in stages:
        assert histories.holds_whole_store(run / "histories")
    if "train" in stages:
        recipe = load_recipe(settings)
        config = recipe.training
        assert (run / "checkpoints" / last_checkpoint(recipe)).exists()
        assert rows[-1] == config.updates


def assert_same_evaluation(run: Path, expected: Path) -> None:
    """Both runs found the same, down to the last bit."""
    one, two = (json.loads((path / "evaluation.json").read_text()) for path in (run, expected))
    assert one == two


def assert_same_run(run: Path, expected: Path) -> None:
    """A finished run holds what an uninterrupted one holds, and nothing half done."""
    assert_no_half_result(run, expected)
    assert names_in(run) == names_in(expected)
    # The one before the last may be where a signal ended the training.
    assert len(list((run / "checkpoints").iterdir())) == 2
    newest = max((expected / "checkpoints").iterdir())
    tensors, _ = read_tensors(run / "checkpoints" / newest.name)
    for name, tensor in read_tensors(newest)[0].items():
        assert tensors[name].equal(tensor), name
    for path in (expected / "histories").iterdir():
        if path.name != ".lock":
            assert (run / "histories" / path.name).read_bytes() == path.read_bytes()


def names_in(run: Path) -> set[str]:
    """The paths below a run but those of its checkpoints."""
    paths = (path.relative_to(run) for path in run.rglob("*"))
    return {str(path) for path in paths if path.parent.name != "checkpoints"}


def assert_no_half_sweep(sweep: Path, expected: Path) -> None:
    """Every run of a sweep is whole as far as it goes, and what it tells is of whole points."""
    for run in (entry for entry in expected.iterdir() if (entry / "run.toml").exists()):
        if (sweep / run.name).is_dir():
            assert_no_half_result(sweep / run.name, run)
    if (sweep / "sweep.json").exists() and json.loads((sweep / "sweep.json").read_text())["points"]:
        found, whole = read_sweep(sweep).points, read_sweep(expected).points
        for one, two in zip(found, whole, strict=False):
            assert one.model_copy(update={"seconds": {}}) == two.model_copy(update={"seconds": {}})
    if (sweep / "sweep.html").exists():
        assert (sweep / "sweep.html").read_text().rstrip().endswith("</html>")
