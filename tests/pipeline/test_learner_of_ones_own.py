"""A learner without a compiled loop, in a package of one's own, from recipe to page."""

import json
import tomllib

import numpy as np
import pytest

from adfast import histories
from adfast.config import Config
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.loops.learning_batch import LearningBatch
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from own_package import ROOT, adfast_with, install, run_with
from snippets.pages import blocks_of

FULL_NAME = "my_learners.reinforce:Reinforce"
PROGRAM = ["-c", "from adfast.cli import main; main()"]
# Name, threads and histories of a block.
WAYS = [("reinforce", 1, 20), (FULL_NAME, 3, 7), ("reinforce", 2, 1)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the documentation's learner, installed in a package of its own."""
    folder = tmp_path_factory.mktemp("installed")
    blocks = [b for b in blocks_of(ROOT / "docs/add-a-learner.md") if b.language == "python"]
    source = next(b.source for b in blocks if "class Reinforce" in b.source)
    install(
        folder,
        "my-learners",
        {"__init__": "", "reinforce": source},
        {"adfast.source_algorithms": {"reinforce": FULL_NAME}},
    )
    return folder


def command(installed, recipe, stage, way, name):
    """That which carries out `stage` with the learner in the directory `name`."""
    algorithm, threads, block = way
    settings = {
        "collection.algorithm": algorithm,
        "collection.options": "{ learning_rate = 0.2 }",
        "collection.threads": threads,
        "collection.block_histories": block,
    }
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return [stage, recipe, *options, "--run", installed / name]


@pytest.fixture(scope="module")
def finished(installed, recipe):
    """The directories of a run by the registered name and of one by the full name."""
    names = ["run0", "run1"]
    runs = zip(WAYS, names, strict=False)
    adfast_with(installed, *(command(installed, recipe, "run", way, name) for way, name in runs))
    return [installed / name for name in names]


@pytest.mark.parametrize("number", [0, 1], ids=["registered", "full name"])
def test_run_goes_from_recipe_to_page(finished, number):
    directory, name = finished[number], WAYS[number][0]
    settings = tomllib.loads((directory / "run.toml").read_text())["collection"]
    assert (settings["algorithm"], settings["options"]) == (name, {"learning_rate": 0.2})
    references = json.loads((directory / "evaluation.json").read_text())["references"]
    source = np.array(references["source"])
    assert source.shape == (6,)
    assert np.isfinite(source).all()
    assert name in (directory / "report.html").read_text()


def test_page_is_written_anew(installed, finished):
    pages = [directory / "report.html" for directory in finished]
    for page in pages:
        page.unlink()
    adfast_with(installed, *(["report", directory] for directory in finished))
    assert all(page.exists() for page in pages)


def test_threads_and_blocks_change_no_byte_of_its_histories(installed, recipe):
    stores = []
    names = ["c0", "c1", "c2"]
    ways = zip(WAYS, names, strict=True)
    adfast_with(
        installed, *(command(installed, recipe, "collect", way, name) for way, name in ways)
    )
    for name in names:
        store = histories.open(installed / name / "histories")
        by_stream = {}
        for index in range(store.num_histories):
            kept = {name: array.tobytes() for name, array in store.history(index).items()}
            by_stream[int(store.metadata["random_stream"][index])] = kept
        stores.append(by_stream)
    assert len(stores[0]) == 68  # four learners on each of 17 training tasks
    assert stores[0] == stores[1] == stores[2]


def test_live_run_trains_on_it(installed, recipe):
    settings = ["--set", "collection.algorithm=reinforce", "--set", "collection.live=true"]
    run_with(installed, *PROGRAM, "run", recipe, *settings, "--run", installed / "live")
    assert (installed / "live" / "report.html").exists()


def test_collecting_loads_no_torch(installed):
    script = "import sys; from adfast import source_algorithms as s;"
    script += "s.make('reinforce'); print('torch' in sys.modules)"
    assert run_with(installed, "-c", script, is_forked=False) == "False\n"


def test_misspelt_option_names_the_nearest(installed):
    script = "from adfast import source_algorithms as s; s.make('reinforce', learningrate=1)"
    error = run_with(installed, "-c", script, check=False)
    assert 'did you mean "learning_rate"?' in error


def test_page_names_every_member():
    page = (ROOT / "docs/add-a-learner.md").read_text()
    of_config = {*vars(Config), *Config.model_fields}
    for cls in (SourceAlgorithm, CompiledAlgorithm, LearningBatch):
        members = {name for name in vars(cls) if not name.startswith("_")} - of_config
        assert [name for name in members if f"`{name}" not in page] == []
