"""An agent in a package of one's own, by registered and by full name, from a run to its page."""

import json
import tomllib

import pytest

from own_package import ROOT, adfast_with, install, run_with
from small_run import RECIPE
from snippets.pages import blocks_of

FULL_NAME = "my_agents.paid_actions:MakesPaidActions"
NAMES = ["paid-actions", FULL_NAME]
PROGRAM = ["-c", "from adfast.cli import main; main()"]
PLAY = """
import adfast
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.simulators.gymnasium_env import FamilyVectorEnv

room = adfast.tasks.make("dark-room", size=5, episode_length=10)
maker = AGENTS.make(NAME, strength=2.0)
agent = maker.make_agent(room.transition_schema, 3)
environments = FamilyVectorEnv(3, size=5, episode_length=10, autoreset_mode="NextStep")
print(adfast.play(agent, environments, 4).lengths.tolist(), maker.strength)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the documentation's agent, installed in a package of its own, and runs."""
    folder = tmp_path_factory.mktemp("installed")
    page = blocks_of(ROOT / "docs/add-an-agent.md")
    example = next(b for b in page if b.language == "python" and "PaidActions" in b.source)
    modules = {"__init__": "", "paid_actions": example.source}
    install(folder, "my-agents", modules, {"adfast.agents": {"paid-actions": FULL_NAME}})
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "own.toml").write_text(RECIPE + f'agent = "{FULL_NAME}"\n')
    run = ["run", "recipe.toml", "--run", "run"]
    adfast_with(folder, run, ["run", "own.toml", "--run", "own"])
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_of_a_run_goes_to_its_page(installed, name):
    further = f"own-{NAMES.index(name)}"
    options = ["--set", "evaluation.agent_options.strength=2"]
    evaluate = ["evaluate", "run", "--agent", name, "--name", further, *options]
    adfast_with(installed, evaluate, ["report", "run"])
    folder = installed / "run/evaluations" / further
    settings = tomllib.loads((folder / "settings.toml").read_text())["evaluation"]
    assert (settings["agent"], settings["agent_options"]) == (name, {"strength": 2})
    assert json.loads((folder / "evaluation.json").read_text())["agent"] == name
    assert further in (installed / "run/report.html").read_text()


def test_recipe_may_name_it(installed):
    assert json.loads((installed / "own/evaluation.json").read_text())["agent"] == FULL_NAME
    assert (installed / "own/report.html").exists()


@pytest.mark.parametrize("name", NAMES)
def test_it_plays(installed, name):
    script = PLAY.replace("NAME", repr(name))
    assert run_with(installed, "-c", script) == f"{[[10] * 4] * 3} 2.0\n"


def test_agent_that_is_not_there_is_refused_before_anything_is_done(installed, tmp_path):
    error = run_with(
        tmp_path,
        *PROGRAM,
        "evaluate",
        installed / "run",
        "--agent",
        "paid-action",
        "--name",
        "x",
        check=False,
    )
    assert 'unknown agent "paid-action"' in " ".join(error.split())
