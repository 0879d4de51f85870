"""A study is carried out in parts, and goes on where it was killed."""

import json
import subprocess
import sys
import time

import pytest

from adfast.errors import AdfastError, Interrupted, InvalidArgument, RunError
from adfast.runs.hooks import QUIET, NeverStop, RunHooks
from adfast.runs.recipe.recipe_changes import changed, load_recipe
from adfast.runs.study import Study

SEEDS = (3, 4, 5)


@pytest.fixture
def parts(recipe):
    """Three tiny recipes, of which two collect the same histories."""
    base = load_recipe(recipe)
    return {
        "narrow": changed(base, {"model.width": 8}),
        "wide": base,
        "other": changed(base, {"seed": 4}),
    }


class StopsAfter(NeverStop):
    """Asks to stop from the given question on."""

    def __init__(self, questions):
        self.left = questions

    def __call__(self):
        self.left -= 1
        return self.left < 0


def result_files(study):
    return {path.stem: path.read_bytes() for path in (study.path / "results").glob("*.json")}


def kill_in_the_middle(path):
    """Carry out a study in another process, and kill that after its first part."""
    script = "import sys; from adfast.runs.study import Study; Study.open(sys.argv[1]).carry_out()"
    process = subprocess.Popen([sys.executable, "-c", script, path], stderr=subprocess.DEVNULL)
    while not list((path / "results").glob("*.json")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()


def test_study_goes_on_where_it_was_stopped_and_is_asked_as_a_whole(parts, tmp_path):
    stopped = Study.create(parts, tmp_path / "stopped", progress=False)
    with pytest.raises(RunError, match="narrow, wide, other not finished"):
        stopped.probe()
    with pytest.raises(Interrupted):  # somewhere in the first part
        stopped.carry_out(RunHooks(StopsAfter(6), QUIET.progress, QUIET.say))
    assert result_files(stopped) == {}
    kill_in_the_middle(stopped.path)
    done_before = result_files(stopped)
    assert 1 <= len(done_before) < 3
    resumed = Study.open(tmp_path / "stopped", progress=False)
    results = resumed.carry_out()
    assert list(results) == ["narrow", "wide", "other"]
    assert result_files(resumed).items() >= done_before.items()

    whole = Study.create(parts, tmp_path / "whole", progress=False).carry_out()
    assert {name: part.summary for name, part in whole.items()} == {
        name: part.summary for name, part in results.items()
    }
    assert len(list((tmp_path / "whole" / "histories").iterdir())) == 2

    (finding,) = resumed.probe(["history-loss"]).values()
    assert finding.subjects == ("narrow", "wide", "other")
    written = json.loads((resumed.path / "probes" / "history-loss.json").read_text())
    assert written["verdict"] == finding.verdict
    before = result_files(resumed)
    resumed.carry_out()
    assert result_files(resumed) == before


def test_part_may_be_added_and_none_changed(parts, recipe, tmp_path):
    first = {"narrow": parts["narrow"]}
    Study.create(first, tmp_path, progress=False)
    Study.create(parts, tmp_path, progress=False)
    assert list(Study.open(tmp_path).parts) == list(parts)
    with pytest.raises(RunError, match="has a part wide, which is not asked for"):
        Study.create(first, tmp_path, progress=False)
    with pytest.raises(RunError, match=r"holds another part narrow \(model\.width: 8, asked 16\)"):
        Study.create(parts | {"narrow": load_recipe(recipe)}, tmp_path, progress=False)


@pytest.mark.parametrize("name", ["", "..", "a/b", "probes", 3])
def test_part_has_the_name_of_a_folder(name, recipe, tmp_path):
    with pytest.raises(InvalidArgument, match="part of a study must have the name of a folder"):
        Study.create({name: load_recipe(recipe)}, tmp_path / "study")


def test_what_is_no_study_is_refused(recipe, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="holds no study"):
        Study.open(tmp_path)
    with pytest.raises(RunError, match="is no empty directory and holds no study"):
        Study.create({"a": load_recipe(recipe)}, tmp_path)


@pytest.mark.parametrize("parts", [{}, ["dark-room"], {"a": 3}, {"a": "drak-room"}])
def test_parts_are_recipes_by_name(parts, tmp_path):
    with pytest.raises(AdfastError, match=r"parts must map|part a must be|did you mean"):
        Study.create(parts, tmp_path / "study")
    assert not (tmp_path / "study").exists()
