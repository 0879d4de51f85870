"""Real processes on real trees: what a planted slow-down looks like from outside."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import ROOT
from benchmarks.guard.launches import CannotRun, Launcher
from benchmarks.guard.plants import PLANTS
from benchmarks.guard.side import Side, WorkerFailed
from benchmarks.workloads import select

(ROLLOUT,) = select(["dark-room-random-rollout"])
LOOP = "        for episode in range(num_episodes):\n"
LONGER = (
    "        for turn in range(num_episodes + num_episodes // uint64(4)):\n"
    "            episode = turn % num_episodes\n"
)


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """This package, and one whose random rollout takes every fourth episode twice."""
    tree = tmp_path_factory.mktemp("planted")
    shutil.copytree(ROOT / "adfast", tree / "adfast")
    file = tree / "adfast/simulators/random_rollout.py"
    source = file.read_text()
    assert source.count(LOOP) == 1
    file.write_text(source.replace(LOOP, LONGER))
    return ROOT, tree


def launcher(now, then):
    return Launcher(now, then, seconds=0.2, slice_seconds=0.005, small=True)


def test_planted_slow_down_shows_from_either_side(trees):
    equal, planted = trees
    slower = launcher(planted, equal).launch(ROLLOUT)
    assert slower.factor > 1.1
    assert launcher(equal, planted).launch(ROLLOUT).factor < 1 / 1.1
    assert len(slower.now) == len(slower.then) >= 6
    assert np.all(slower.now > 0)


def test_results_that_differ_are_not_timed(tmp_path):
    shutil.copytree(ROOT / "adfast", tmp_path / "adfast")
    file = tmp_path / "adfast/simulators/random_rollout.py"
    file.write_text(file.read_text().replace("= number(0)", "= number(1)"))
    with pytest.raises(CannotRun, match="NotEquivalent: return: differs") as refused:
        launcher(ROOT, tmp_path).launch(ROLLOUT)
    assert refused.value.is_then


def test_what_a_tree_lacks_is_not_taken_from_elsewhere(tmp_path):
    shutil.copytree(ROOT / "adfast", tmp_path / "adfast")
    (tmp_path / "adfast/random_draws.py").unlink()
    missing = "ModuleNotFoundError: No module named 'adfast.random_draws'"
    with pytest.raises(CannotRun, match=missing) as refused:
        launcher(ROOT, tmp_path).launch(ROLLOUT)
    assert refused.value.is_then


def test_package_that_is_not_the_trees_is_refused(tmp_path):
    with Side(tmp_path, 0) as side, pytest.raises(WorkerFailed, match="its process ended"):
        side.ask("prepare", ROLLOUT.name, True)


def test_worker_ends_when_we_do():
    starter = (
        "import sys; from pathlib import Path; from benchmarks.guard.side import Side\n"
        "side = Side(Path(sys.argv[1]), 0); print(side.process.pid, flush=True)\n"
        "import os; os._exit(1)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", starter, str(ROOT)], capture_output=True, text=True, cwd=ROOT
    )
    wait = ["timeout", "300", "tail", f"--pid={int(ended.stdout)}", "-f", "/dev/null"]
    subprocess.run(wait, check=True)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.kernel)
def test_plants_fit_the_kernels(plant, tmp_path):
    path = tmp_path / plant.file
    path.parent.mkdir(parents=True)
    shutil.copy(ROOT / plant.file, path)
    plant.put_into(tmp_path)
    assert path.read_text() != (ROOT / plant.file).read_text()
