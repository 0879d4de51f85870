"""Killed conversions leave nothing half done that passes for whole; memory holds a part of data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from histories.interchange.conversions import COUNTED_MEMORY, TARGETS, TIMES_LARGER

ROOT = Path(__file__).resolve().parents[3]
MODULE = "histories.interchange.conversions"
KILLS = 6  # of each direction of a format


def converted(command, name, folder, number):
    """What a process of its own printed, which converts in forks."""
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", MODULE, command, name, str(folder), str(number)],
        env=os.environ | threads | COUNTED_MEMORY | {"PYTHONPATH": path},
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.faults
@pytest.mark.parametrize("name", TARGETS)
def test_killed_conversion_leaves_nothing_half_done(
    memory_folder, name, fault_trials, count_faults
):
    kills = KILLS * fault_trials
    killed = int(converted("killed", name, memory_folder, kills).split()[0])
    assert killed >= kills // 2
    count_faults("conversions killed", killed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["parquet", *(pytest.param(n, marks=pytest.mark.thorough) for n in TARGETS if n != "parquet")],
)
def test_store_larger_than_memory_goes_out_and_comes_back(memory_folder, name):
    times = converted("limited", name, memory_folder, TIMES_LARGER)
    assert float(times.split()[0]) >= TIMES_LARGER
