"""A device that is missing is refused before anything is done; the one used is recorded."""

import json

import pytest

from cli.command_line import adfast


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("training.device=cuda", ['training.device = "cuda" needs a CUDA', 'use "auto" or "cpu"']),
        ("training.compile=true", ["training.compile = true needs a CUDA", "got cpu", '"auto"']),
        ("model.attention_backend=triton", ['"triton" needs a CUDA device', 'use "auto", "cpu"']),
        ("model.attention_backend=flash", ["must be one of auto, triton, cpu, banded", '"flash"']),
        ("evaluation.device=cuda", ['evaluation.device = "cuda" needs a CUDA', 'use "auto"']),
        ("evaluation.cache=float16", ["evaluation.cache", "'bfloat16'", "got 'float16'"]),
        ("training.precision=float16", ["training.precision", "'bfloat16'", "got 'float16'"]),
    ],
)
def test_choice_that_cannot_run_ends_with_status_2(recipe, tmp_path, setting, parts):
    ended = adfast("run", recipe, "--set", setting, "--run", tmp_path / "run")
    assert ended.status == 2
    for part in parts:
        assert part in ended.stderr
    assert not (tmp_path / "run").exists()


def test_provenance_says_where_and_how_each_stage_computed(finished_run):
    stages = json.loads((finished_run / "provenance.json").read_text())["stages"]
    for stage in ("train", "evaluate"):
        assert (stages[stage]["device"], stages[stage]["precision"]) == ("cpu", "float32")
    assert stages["evaluate"]["cache"] == "float32"
    assert stages["train"]["compiled"] is False
    assert stages["train"]["attention_backend"].startswith("cpu (")


def test_run_is_attended_by_the_backend_that_its_settings_name(recipe, tmp_path):
    run = tmp_path / "run"
    ended = adfast("run", recipe, "--set", "model.attention_backend=banded", "--run", run)
    assert ended.status == 0
    stages = json.loads((run / "provenance.json").read_text())["stages"]
    assert stages["train"]["attention_backend"] == "banded"
    assert 'attention_backend = "banded"' in (run / "run.toml").read_text()


def test_run_trains_and_acts_in_bfloat16(recipe, tmp_path):
    settings = ["--set", "training.precision=bfloat16", "--set", "evaluation.precision=bfloat16"]
    run = tmp_path / "run"
    assert adfast("run", recipe, *settings, "--run", run).status == 0
    stages = json.loads((run / "provenance.json").read_text())["stages"]
    assert stages["train"]["precision"] == stages["evaluate"]["precision"] == "bfloat16"
    assert stages["evaluate"]["cache"] == "bfloat16"


def test_provenance_says_in_what_the_cache_was_kept(recipe, tmp_path):
    run = tmp_path / "run"
    ended = adfast("run", recipe, "--set", "evaluation.cache=bfloat16", "--run", run)
    assert ended.status == 0
    evaluate = json.loads((run / "provenance.json").read_text())["stages"]["evaluate"]
    assert (evaluate["precision"], evaluate["cache"]) == ("float32", "bfloat16")
