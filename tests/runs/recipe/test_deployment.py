"""An evaluation acts on validation tasks, or in another family, and says so everywhere."""

import json

import numpy as np
import pytest

import adfast
from adfast.errors import InvalidArgument, RunError
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_record import read_run
from adfast.runs.recipe.deployment import drawn_tasks, other_family
from adfast.runs.recipe.from_recipe import make_family
from adfast.runs.recipe.recipe_changes import changed, find_recipe, load_recipe
from cli.command_line import adfast as command

CHOICE = {"evaluation.tasks": "validation"}
CORNER = {"evaluation.family.options": {"size": 5, "episode_length": 10, "start": "corner"}}


@pytest.fixture
def run(run_copy):
    return adfast.Run.open(run_copy, progress=False)


def test_choices_are_made_on_validation_tasks(run):
    found = run.evaluate("choice", CHOICE | {"evaluation.temperature": 0.5})
    assert found.evaluated.task_ids == tuple(run.split.validation)
    assert found.summary.tasks == found.tasks_kind == "validation"
    assert found.train is not None
    assert run.evaluate().summary.tasks == "held-out"
    optimal = run.family.optimal_return(run.split.validation)
    assert found.references.optimal == pytest.approx(optimal.mean())
    page = adfast.write_report(run).read_text()
    assert "<td>choice</td><td>3 validation</td><td>model</td>" in page
    assert "<td>the run&#x27;s own</td><td>5 held-out</td>" in page


def test_command_line_says_which_tasks_count(run):
    arguments = ("evaluate", run.path, "--name", "choice", "--set", "evaluation.tasks=validation")
    assert "3 validation tasks x 2 seeds" in command(*arguments).stdout
    assert json.loads(command(*arguments, "--json").stdout)["tasks"] == "validation"
    own = command("evaluate", run.path, "--json").stdout
    assert json.loads(own)["tasks"] == "held-out"


def test_run_whose_own_evaluation_is_on_validation_tasks_says_so(recipe, tmp_path):
    run = adfast.Run.create(recipe, tmp_path / "run", CHOICE, progress=False)
    run.carry_out()
    page = adfast.write_report(run).read_text()
    for words in (
        "On 3 validation tasks, by which choices are made, the model",
        "validation tasks solved",
        "Every validation task",
        "model, validation tasks",
        "A coloured cell is a validation one",
    ):
        assert words.replace("task", "goal") in page or words in page, words
    assert "it never saw" not in page
    with pytest.raises(InvalidArgument, match="needs the trajectories"):
        run.probe(["attention"])


def test_as_many_tasks_of_another_family_are_acted_on_as_is_asked(run):
    found = run.evaluate("few", CORNER | {"evaluation.family_tasks": 2})
    family = adfast.tasks.make("dark-room", **CORNER["evaluation.family.options"])
    assert found.evaluated.task_ids == tuple(np.sort(family.drawn_order(3)[:2]))
    every = run.evaluate("every", CORNER | {"evaluation.family_tasks": 25})
    assert every.evaluated.task_ids == tuple(range(25))
    with pytest.raises(InvalidArgument, match="family_tasks are of another family, got 2 and none"):
        run.evaluate("own", {"evaluation.family_tasks": 2})


def test_an_evaluation_without_rewards_says_so(run):
    hidden = run.evaluate("hidden", {"evaluation.tell_rewards": False})
    assert not hidden.tell_rewards
    assert not run.directory.evaluation("hidden").attention.exists()
    assert run.evaluate().tell_rewards


def test_frozen_model_acts_in_another_family(run):
    arguments = [
        word
        for option, value in CORNER["evaluation.family.options"].items()
        for word in ("--set", f"evaluation.family.options.{option}={value}")
    ]
    name = ("--set", "evaluation.family.name=dark-room")
    ended = command("evaluate", run.path, "--name", "corner", *name, *arguments)
    assert ended.status == 0, ended.stderr
    title = "5 held-out tasks of dark-room (size = 5, episode_length = 10, start = corner)"
    assert title in " ".join(ended.stdout.split())
    found = run.evaluate("corner", CORNER)  # the same
    family = adfast.tasks.make("dark-room", **CORNER["evaluation.family.options"])
    order = family.drawn_order(3)
    assert found.evaluated.task_ids == tuple(np.sort(order[:5]))
    assert found.family.options["start"] == "corner"
    assert found.trained_on.options == {"size": 5, "episode_length": 10}
    assert found.train is None
    assert found.references.optimal == pytest.approx(
        family.optimal_return(np.sort(order[:5])).mean()
    )
    assert found.references.source is not None
    both = run.evaluate("both", CORNER | CHOICE)
    assert both.evaluated.task_ids == tuple(np.sort(order[5:8]))
    folder = run.path / "evaluations" / "corner"
    assert load_recipe(folder / "settings.toml").evaluation.family.options["start"] == "corner"
    page = adfast.write_report(run).read_text()
    assert (
        "<td>3 validation of dark-room (size = 5, episode_length = 10, start = corner)</td>" in page
    )


def test_family_of_too_few_tasks_is_acted_in_whole(run):
    own = {"evaluation.family.name": "own_family:Five"}
    found = run.evaluate("five", own)
    assert found.evaluated.task_ids == (0, 1, 2, 3, 4)
    assert found.references.source is not None


def test_run_evaluated_in_another_family_says_so(recipe, tmp_path):
    run = adfast.Run.create(recipe, tmp_path / "run", CORNER, progress=False)
    assert run.carry_out().trained_on is not None
    page = adfast.write_report(run).read_text()
    words = (
        "of dark-room (size = 5, episode_length = 10, start = corner), on which it was not trained"
    )
    assert words in page
    assert read_run(run.path).tasks.start == "corner"
    assert len(run.split.validation) == 3


def test_source_that_does_not_fit_the_family_is_no_reference(run, monkeypatch):
    def refuse(self, family):
        if family != run.family:
            raise InvalidArgument("not this one")

    monkeypatch.setattr(type(run.source), "check", refuse)
    found = run.evaluate("corner", CORNER)
    assert found.references.source is found.references.source_every_kth is None
    assert found.references.random is not None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"evaluation.family.name": "dark-rom"},
            'evaluation.family: unknown task family "dark-rom',
        ),
        (
            {"evaluation.family.options.siz": 5},
            'evaluation.family: dark-room: unknown setting "siz"',
        ),
        (
            {"evaluation.family.name": "frozen-lake", "evaluation.family.options.size": 4},
            r"must have the transition schema that .*\(5, 5\).*frozen-lake with .*16|\(4, 4\)",
        ),
        (
            {"evaluation.family.options": {"size": 5, "episode_length": 10}},
            "must be another family than the run's",
        ),
        ({"evaluation.tasks": "train"}, "evaluation.tasks must be"),
    ],
)
def test_what_cannot_be_acted_in_is_refused(run, recipe, tmp_path, settings, message):
    with pytest.raises(InvalidArgument, match=message):
        run.evaluate("other", settings)
    assert not (run.path / "evaluations").exists()
    with pytest.raises(InvalidArgument, match=message):
        adfast.Run.create(recipe, tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_model_from_before_there_were_validation_tasks_has_seen_them(run):
    file = run.path / "provenance.json"
    provenance = json.loads(file.read_text())
    del provenance["stages"]["train"]["validation_tasks"]
    file.write_text(json.dumps(provenance))
    with pytest.raises(RunError, match="was trained before there were validation tasks"):
        run.evaluate("choice", CHOICE)
    run.evaluate("corner", CORNER | CHOICE)


def test_results_of_old_are_read(run):
    found = run.evaluate()
    old = json.loads(found.to_json())
    old["held_out"] = old.pop("evaluated")
    del old["summary"]["tasks"]
    old["summary"] = {
        name if name.startswith("train") else f"held_out_{name}": value
        for name, value in old["summary"].items()
    }
    again = EvaluationResults.model_validate(old | {"version": 2})
    assert again.model_copy(update={"version": 3}) == found


def test_options_are_those_of_the_family_that_is_named(recipe):
    base = ["evaluation.family.options.start=corner"]
    assert load_recipe(recipe, base).evaluation.family.options == {"start": "corner"}
    first = load_recipe(recipe, base)
    assert first.family.options == {"size": 5, "episode_length": 10}
    other = changed(first, ["evaluation.family.name=frozen-lake"])
    assert (other.evaluation.family.name, other.evaluation.family.options) == ("frozen-lake", {})
    assert changed(first, ["evaluation.family=none"]).evaluation.family is None


def test_sweep_is_chosen_by_validation_tasks(recipe, tmp_path):
    path = tmp_path / "sweep"
    vary = ("--vary", "model.attention_window=5,20")
    small = ("--set", "training.updates=2", "--set", "evaluation.tasks=validation")
    ended = command("sweep", recipe, *vary, *small, "--out", path, "--json")
    assert ended.status == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["tasks"], found["num_tasks"]) == ("validation", 3)
    assert "validation tasks" in (path / "sweep.html").read_text()
    for setting in (
        "evaluation.tasks=held-out,validation",
        "evaluation.family.options.start=corner",
    ):
        refused = command("sweep", recipe, "--vary", setting, "--out", tmp_path / "other")
        assert refused.status == 2
        assert "points of a sweep are compared on the same tasks" in refused.stderr


def test_a_kind_that_a_run_never_saw_is_named_in_a_mixture_with_its_own():
    members = [
        {"name": "random-world", "weight": 0.0},
        {"name": "dark-room", "options": {"size": 4, "episode_length": 20}},
    ]
    elsewhere = {"name": "mixture", "options": {"members": members, "tasks": 16}}
    recipe = load_recipe(find_recipe("random-world"), {"evaluation.family": elsewhere})
    trained = make_family(recipe)
    family = other_family(recipe, recipe.evaluation, trained)
    assert family.transition_schema == trained.transition_schema
    assert drawn_tasks(recipe, recipe.evaluation, family).tolist() == list(range(16))
    alone = {"name": "dark-room", "options": members[1]["options"]}
    recipe = load_recipe(find_recipe("random-world"), {"evaluation.family": alone})
    with pytest.raises(InvalidArgument, match="in which the trained one has weight 0"):
        other_family(recipe, recipe.evaluation, trained)
