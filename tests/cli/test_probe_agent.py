"""`adfast probe --agent`: who is asked has a name, or a class, and no run."""

import json

import pytest
from typer.testing import CliRunner

from adfast.cli.app import app
from adfast.errors import AdfastError
from adfast.runs.probing.subjects import subject_of_agent


def probe(*words):
    return CliRunner().invoke(app, ["probe", *map(str, words)])


def test_agent_is_asked_and_what_lacks_a_model_says_so(tmp_path):
    asked = ["history-loss", "attention", "--agent", "heuristic", "--out", tmp_path]
    options = ["--set", "agent.explore=unvisited", "--set", "history-loss.histories_per_task=1"]
    result = probe(*asked, *options, "--recipe", "dark-room")
    assert result.exit_code == 0, result.output
    assert "attention: not answered: the probe needs the model" in result.output
    loss = json.loads((tmp_path / "probes" / "history-loss.json").read_text())
    assert loss["verdict"] == "supported"
    assert loss["subjects"] == ["heuristic on dark-room, explore unvisited"]
    page = (tmp_path / "probes.html").read_text()
    assert "Not answered" in page
    assert "The critique, claim by claim" not in page  # neither probe speaks to it


def test_agent_of_other_options_is_another_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ask = ["history-loss", "--agent", "heuristic", "--set", "history-loss.histories_per_task=1"]
    for options in ([], ["--set", "agent.explore=unvisited"]):
        assert probe(*ask, *options).exit_code == 0
    places = ["probe-heuristic-on-dark-room", "probe-heuristic-on-dark-room-explore-unvisited"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == places


def test_agent_knows_the_source_and_the_training_tasks_of_the_recipe():
    source = subject_of_agent("source-algorithm", {}, "dark-room")
    assert source.agent.algorithm == "q-learning"
    memory = subject_of_agent("memorised-goal", {}, "dark-room")
    assert memory.agent.training_tasks == tuple(memory.split.train)
    assert memory.settings["evaluation"]["temperature"] == 1.0


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--agent", "heuristc"], 'did you mean "heuristic"'),
     (["--agent", "heuristic", "--set", "agent.explore"], "agent.OPTION=VALUE"),
     (["--agent", "heuristic", "--set", "agent.explor=uniform"], "explore"),
     (["--agent", "model"], "give the run itself"),
     (["--agent", "heuristic", "--recipe", "bandit"], "heuristic"),
     (["--agent", "heuristic", "attentoin"], 'did you mean "attention"'),
     ([], "at least one run")],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(words, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = probe(*words)
    assert isinstance(result.exception, AdfastError)
    assert says in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_agent_beside_a_run_is_refused(run_copy):
    result = probe(run_copy, "--agent", "heuristic")
    assert "not both" in str(result.exception)
