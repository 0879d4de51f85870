"""Real processes on real trees: what a planted slow-down looks like from outside."""

import subprocess
import sys

import numpy as np
import pytest
from planted_trees import FILE, ROLLOUT, copy_package, plant_slow_down

from benchmarks import ROOT
from benchmarks.guard.launches import CannotRun, Launcher
from benchmarks.guard.side import Side, WorkerFailed
from benchmarks.workloads import select

(WORKLOAD,) = select([ROLLOUT])


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """This package, and one whose random rollout takes every second episode twice."""
    tree = tmp_path_factory.mktemp("planted")
    copy_package(tree)
    plant_slow_down(tree, percent=50)
    return ROOT, tree


def launcher(now, then):
    return Launcher(now, then, seconds=0.2, slice_seconds=0.005, small=True)


def test_planted_slow_down_shows_from_either_side(trees):
    equal, planted = trees
    slower = launcher(planted, equal).launch(WORKLOAD)
    assert slower.factor > 1.1
    assert launcher(equal, planted).launch(WORKLOAD).factor < 1 / 1.1
    assert len(slower.now) == len(slower.then) >= 6
    assert np.all(slower.now > 0)


def test_results_that_differ_are_not_timed(tmp_path):
    copy_package(tmp_path)
    file = tmp_path / FILE
    file.write_text(file.read_text().replace("= number(0)", "= number(1)"))
    with pytest.raises(CannotRun, match="NotEquivalent: return: differs") as refused:
        launcher(ROOT, tmp_path).launch(WORKLOAD)
    assert refused.value.is_then


def test_what_a_tree_lacks_is_not_taken_from_elsewhere(tmp_path):
    copy_package(tmp_path)
    (tmp_path / "adfast/random_draws.py").unlink()
    missing = "ModuleNotFoundError: No module named 'adfast.random_draws'"
    with pytest.raises(CannotRun, match=missing) as refused:
        launcher(ROOT, tmp_path).launch(WORKLOAD)
    assert refused.value.is_then


def test_package_that_is_not_the_trees_is_refused(tmp_path):
    with Side(tmp_path, 0) as side, pytest.raises(WorkerFailed, match="its process ended"):
        side.ask("prepare", ROLLOUT, True)


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
