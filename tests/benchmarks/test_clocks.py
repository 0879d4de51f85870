"""Which waiting a clock counts."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks.clocks import SCHEDULER_STATISTICS, own_clock, own_time, processor_time
from benchmarks.pair_timer import time_calls

SPIN = "print(flush=True)\nwhile True: pass"  # says when it begins

needs_statistics = pytest.mark.skipif(
    not SCHEDULER_STATISTICS.exists(), reason="the kernel keeps no scheduler statistics"
)


def spin():
    """Takes a fixed number of processor seconds, whatever the wall says."""
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        pass


@needs_statistics
def test_waiting_for_a_core_is_not_counted():
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    command = [sys.executable, "-c", SPIN]
    neighbour = subprocess.Popen(command, stdout=subprocess.PIPE)  # on the same core
    try:
        neighbour.stdout.readline()
        begin = time.perf_counter()
        own = time_calls(spin, 2, own_time)
        wall = time.perf_counter() - begin
    finally:
        neighbour.kill()
        neighbour.communicate()
        os.sched_setaffinity(0, cores)
    assert own < wall - 0.02  # half of it, by fair turns


@needs_statistics
def test_waiting_of_its_own_is_counted():
    assert time_calls(lambda: time.sleep(0.01), 3, own_time) >= 0.03


def test_processor_time_counts_children_and_no_waiting():
    child = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"]
    assert time_calls(lambda: subprocess.run(child, check=True), 1, processor_time) >= 0.2
    assert time_calls(lambda: time.sleep(0.05), 1, processor_time) < 0.04


def test_without_statistics_it_is_the_other_clock(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.clocks.SCHEDULER_STATISTICS", tmp_path / "none")
    assert own_clock(time.perf_counter) is time.perf_counter
