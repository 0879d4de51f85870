"""A run is evaluated by other settings beside its own, without training again."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

import adfast
from adfast.errors import InvalidArgument, RunError
from adfast.runs.recipe.recipe_changes import load_recipe
from cli.command_line import adfast as command

COOL = {"evaluation.temperature": 0.5}


@pytest.fixture
def run(run_copy):
    return adfast.Run.open(run_copy, progress=False)


def test_named_evaluation_lies_beside_the_runs_own(run):
    own = (run.path / "evaluation.json").read_bytes()
    cool = run.evaluate("cool", COOL)
    assert cool.temperature == 0.5
    assert cool.evaluated.task_ids == run.evaluate().evaluated.task_ids
    assert (run.path / "evaluation.json").read_bytes() == own
    folder = run.path / "evaluations" / "cool"
    assert {path.name for path in folder.iterdir()} == {
        "evaluation.json",
        "trajectories.safetensors",
        "attention.safetensors",
        "settings.toml",
    }
    assert load_recipe(folder / "settings.toml").evaluation.temperature == 0.5
    returns = load_file(folder / "trajectories.safetensors")["reward"].sum(axis=-1)
    assert returns.tolist() == cool.evaluated.returns
    assert "evaluate cool" in run.directory.stages()
    assert not run.directory.is_finished("report")  # it does not show the new one


def test_named_evaluation_is_not_repeated(run):
    first = run.evaluate("cool", COOL)
    file = run.path / "evaluations" / "cool" / "evaluation.json"
    written = file.stat().st_mtime_ns
    assert run.evaluate("cool", COOL) == first
    assert file.stat().st_mtime_ns == written
    with pytest.raises(RunError, match=r"evaluation.temperature: 0.5, asked 2.0.*fresh=True"):
        run.evaluate("cool", {"evaluation.temperature": 2.0})
    assert run.evaluate("cool", {"evaluation.temperature": 2.0}, fresh=True).temperature == 2.0


def test_name_alone_is_the_evaluation_that_has_it_by_its_own_settings(run):
    cool = run.evaluate("cool", COOL)
    assert run.evaluate("cool") == cool
    assert run.evaluate("cool", fresh=True) == cool
    ended = command("evaluate", run.path, "--name", "")
    assert "the name of an evaluation is that of its folder" in ended.stderr


def test_page_shows_evaluations_side_by_side(run):
    assert "Evaluations side by side" not in adfast.write_report(run).read_text()
    cool = run.evaluate("cool", COOL)
    page = adfast.write_report(run).read_text()
    assert "Evaluations side by side" in page
    assert 'id="chart-evaluations"' in page
    assert '<td>cool</td><td>5 held-out</td><td>model</td><td class="number">0.5</td>' in page
    low, high = cool.summary.last5_ci95
    assert f"<td>{low:.2f} to {high:.2f}</td>" in page


def test_evaluations_go_with_the_model_that_they_are_of(run):
    run.evaluate("cool", COOL)
    run.train(fresh=True)
    assert not (run.path / "evaluations").exists()
    assert list(run.directory.stages()) == ["collect", "train"]


def test_another_agent_may_act(run):
    found = run.evaluate("random", {"evaluation.agent": "random"})
    assert found.agent == "random"
    assert run.evaluate().agent is None
    assert not (run.path / "evaluations/random/attention.safetensors").exists()
    assert run.evaluate("random", {"evaluation.agent": "random"}) == found
    same = {"evaluation.agent": "model", "evaluation.agent_options.run": str(run.path)}
    assert run.evaluate("same", same).evaluated == run.evaluate().evaluated


def test_agents_know_what_the_run_was_trained_on_and_act_at_their_own_temperature(run):
    source = run.evaluate("source", {"evaluation.agent": "source-algorithm"})
    assert source.agent == "source-algorithm"
    assert source.temperature == 1.0
    learned = run.source.returns(
        run.family,
        np.repeat(run.split.held_out, source.seeds),
        np.concatenate(
            [np.arange(source.seeds) * run.family.num_tasks + task for task in run.split.held_out]
        ),
        source.episodes,
        run.recipe.seed,
    )
    np.testing.assert_allclose(source.summary.mean_by_episode, learned.mean(axis=0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"evaluation.agent": "ideal-learner"}, "evaluation: ideal-learner needs a family whose"),
        ({"evaluation.agent": "randon"}, 'evaluation: unknown agent "randon"; did you mean "rand'),
        ({"evaluation.agent": "no.such:Agent"}, 'evaluation: agent "no.such:Agent" cannot be imp'),
        ({"evaluation.agent": "builtins:int"}, "must be a class derived from .*AgentMaker"),
        ({"evaluation.agent_options.warmth": 3}, "evaluation: .*warmth"),
    ],
)
def test_agent_that_is_not_there_is_refused_before_a_run_begins(
    tmp_path, recipe, settings, message
):
    with pytest.raises(InvalidArgument, match=message):
        adfast.Run.create(recipe, tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (None, COOL, r"evaluation.temperature: 1.0, asked 0.5\) needs a name"),
        ("cool", {"training.updates": 3}, r"evaluation alone, got training.updates: 12, asked 3"),
        ("../cool", COOL, "the name of an evaluation is that of its folder"),
        ("", COOL, "the name of an evaluation is that of its folder"),
        (3, COOL, "the name of an evaluation is that of its folder"),
    ],
)
def test_evaluation_that_is_none_of_this_run_is_refused(run, name, settings, message):
    with pytest.raises(InvalidArgument, match=message):
        run.evaluate(name, settings)
    assert not (run.path / "evaluations").exists()


def test_command_line_evaluates_by_other_settings(run):
    arguments = ("evaluate", run.path, "--set", "evaluation.temperature=.5", "--name", "cool")
    ended = command(*arguments, "--json")
    assert ended.status == 0, ended.stderr
    assert json.loads(ended.stdout)["last5_mean"] == pytest.approx(
        run.evaluate("cool", COOL).summary.last5_mean
    )
    again = command(*arguments)
    assert (again.status, again.stderr.count("finished before")) == (0, 1)
    assert "5 held-out tasks x 2 seeds" in again.stdout
    other = command("evaluate", run.path, "--set", "evaluation.temperature=1.5")
    assert (other.status, "needs a name: --name NAME" in other.stderr) == (2, True)
