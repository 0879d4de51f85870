"""A family in a package of one's own, by registered and by full name, from recipe to page."""

import json
import tomllib

import pytest

from own_package import ROOT, adfast_with, install, run_with
from snippets.pages import blocks_of

FULL_NAME = "my_walks.line_walk:LineWalk"
NAMES = ["line-walk", FULL_NAME]
PROGRAM = ["-c", "from adfast.cli import main; main()"]
CHANGES = """
[family]
name = "{name}"
options = {{ cells = 7, episode_length = 8 }}
"""
# Where its loops are found: prints what was compiled anew, here and in a spawned process.
WORK = """
import os
os.environ["NUMBA_CACHE_DIR"] = os.path.abspath("compiled")

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from adfast import source_algorithms, tasks
from adfast.source_algorithms.loops.history_loop import compile_history_loop

def learn(family):
    learner = source_algorithms.make("q-learning")
    total = learner.returns(family, [0, 1], [0, 1], 20, 0).sum()
    loop = compile_history_loop(family, type(learner).rules, learner.reads, labelled=False).run
    return total, sum(loop.stats.cache_misses.values())

if __name__ == "__main__":
    family = tasks.make(NAME, cells=5)
    print(*learn(family))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        print(*pool.submit(learn, family).result())
"""


def test_family_takes_fewer_than_60_lines():
    example = next(b for b in blocks_of(ROOT / "docs/add-a-family.md") if b.language == "python")
    assert "class LineWalk(TaskFamily):" in example.source
    assert len(example.source.strip().splitlines()) < 60


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the documentation's family, installed in a package of its own."""
    folder = tmp_path_factory.mktemp("installed")
    example = next(b for b in blocks_of(ROOT / "docs/add-a-family.md") if b.language == "python")
    modules = {"__init__": "", "line_walk": example.source}
    install(
        folder,
        "my-walks",
        modules,
        {"adfast.tasks": {"line-walk": FULL_NAME, "odd walk!": FULL_NAME}},
    )
    return folder


@pytest.fixture(scope="module")
def finished(installed, recipe):
    """The directory of the run of each name in a recipe."""
    _, _, rest = recipe.read_text().partition("[collection]")
    settings = "[collection]" + rest.replace("held_out = 5", "held_out = 2").replace(
        "threads = 1\n[model]", "threads = 3\n[model]"
    )
    runs = {name: installed / f"run{number}" for number, name in enumerate(NAMES)}
    for name, run in runs.items():
        run.with_suffix(".toml").write_text(CHANGES.format(name=name) + settings)
    adfast_with(
        installed, *(["run", run.with_suffix(".toml"), "--run", run] for run in runs.values())
    )
    return runs


@pytest.mark.parametrize("name", NAMES)
def test_run_goes_from_recipe_to_page(finished, name):
    run = finished[name]
    assert tomllib.loads((run / "run.toml").read_text())["family"]["name"] == name
    assert json.loads((run / "evaluation.json").read_text())["family"]["name"] == name
    assert name in (run / "report.html").read_text()


def test_page_is_written_anew(installed, finished):
    pages = [run / "report.html" for run in finished.values()]
    for page in pages:
        page.unlink()
    adfast_with(installed, *(["report", run] for run in finished.values()))
    for name, page in zip(finished, pages, strict=True):
        assert name in page.read_text()


def test_both_names_mean_the_same_class(installed):
    script = f"from adfast import tasks; print({NAMES} and tasks.names());"
    script += f"print(tasks.make({NAMES[0]!r}, cells=5) == tasks.make({NAMES[1]!r}, cells=5))"
    names, same = run_with(installed, "-c", script).splitlines()
    assert "'line-walk'" in names
    assert same == "True"


def test_worker_processes_find_it_and_its_compiled_loops(installed):
    for name, misses in zip(NAMES, ("1", "0"), strict=True):
        script = installed / "work.py"
        script.write_text(WORK.replace("NAME", repr(name)))
        printed = run_with(installed, script, is_forked=False)
        here, there = (line.split() for line in printed.splitlines())
        assert here == [there[0], misses]
        assert there[1] == "0"


def test_gymnasium_makes_it_by_its_name(installed):
    script = "import gymnasium, adfast.simulators.gymnasium_env;"
    script += "print(gymnasium.make('adfast/LineWalk-v0', cells=5).observation_space)"
    assert run_with(installed, "-c", script) == "MultiDiscrete([5])\n"


def test_check_finds_it(installed):
    assert "line-walk" in run_with(installed, *PROGRAM, "doctor", "--family", "line-walk")


@pytest.mark.parametrize("name", NAMES)
def test_report_of_a_run_whose_family_is_gone_says_what_to_do(finished, tmp_path, name):
    error = run_with(tmp_path, *PROGRAM, "report", finished[name], check=False)
    assert "Traceback" not in error
    words = " ".join(error.split())
    assert f'task family "{name}"' in words
    assert "install" in words
