"""`pytest benchmarks`: every workload of the table under pytest-benchmark.

A workload is a group, and its subject, rivals and limit are the members. Their calls do different
amounts of work, so each has a clock that counts seconds per unit: the plugin's columns are times of
a unit, its factors say who is how many times slower, and OPS are units per second.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.clocks import PerUnit, quiet_clock
from benchmarks.contest import Contest, Role, proof_of
from benchmarks.pair_timer import Contender, calls_to_fill, garbage_collection_paused, time_calls
from benchmarks.workload import Workload
from benchmarks.workloads import WORKLOADS, select

ROUND_SECONDS = 0.02


@dataclass(frozen=True)
class Prepared:
    """The contest of a workload, whose check has passed, and what that showed."""

    workload: Workload
    contest: Contest
    proof: list[str]

    def find(self, role: Role, label: str) -> Contender:
        """The contender; skips the test where it is not installed."""
        for its_role, contender in self.contest.members:
            if its_role == role and (role == "subject" or contender.label == label):
                return contender
        missing = "is not installed; adfast bench --list says how to get it"
        left_out = self.contest.notes.get("left_out", {})
        pytest.skip(f"{label} {left_out.get(label, missing)}")


@pytest.fixture(scope="module")
def prepared(request: pytest.FixtureRequest) -> Iterator[Prepared]:
    """One contest for all members of a workload; it is gone before the next is made."""
    (workload,) = select([request.param])
    if (reason := workload.why_skipped()) is not None:
        pytest.skip(reason)
    with workload.prepare(small=request.config.getoption("--small")) as contest:
        yield Prepared(workload, contest, proof_of(contest))
    gc.collect()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each member of each workload; small sizes have names of their own."""
    size = "-small" if metafunc.config.getoption("--small") else ""
    metafunc.parametrize(
        ("prepared", "role", "label"),
        [
            pytest.param(
                workload.name,
                role,
                label,
                id=f"{workload.name}{size}-{label}",
                marks=(
                    pytest.mark.benchmark(group=f"{workload.name}{size}", timer=PerUnit()),
                    *(
                        getattr(pytest.mark, word)
                        for word in (role, workload.layer, workload.device)
                    ),
                ),
            )
            for workload in WORKLOADS
            for role, label in workload.members
        ],
        indirect=["prepared"],
    )


def test_workload(
    prepared: Prepared,
    role: Role,
    label: str,
    benchmark: BenchmarkFixture,
    request: pytest.FixtureRequest,
) -> None:
    """Time a member: rounds of `ROUND_SECONDS` until the plugin's limits are reached."""
    workload, contest = prepared.workload, prepared.contest
    contender = prepared.find(role, label)
    clock = contest.clock or quiet_clock(starts_processes=contest.starts_processes)
    benchmark.extra_info |= {
        "workload": workload.title,
        "layer": workload.layer,
        "role": role,
        "contender": contender.label,
        "unit": workload.unit,
        "units_per_call": contender.work,
        "bytes_per_unit": contest.bytes_per_unit,
        "sizes": workload.sizes(small=request.config.getoption("--small")),
        "same_work": prepared.proof,
        "notes": dict(contest.notes),
    }
    if benchmark.disabled:
        benchmark.pedantic(contender.call)
        return
    options = request.config.option
    round_seconds = max(ROUND_SECONDS, float(options.benchmark_min_time))
    with garbage_collection_paused():
        time_calls(contender.call, 1, clock)  # warms up
        calls, seconds = calls_to_fill(contender.call, round_seconds, clock)
        rounds = int(float(options.benchmark_max_time) / seconds)
        timer: PerUnit = request.node.get_closest_marker("benchmark").kwargs["timer"]
        timer.clock, timer.work = clock, contender.work
        benchmark.pedantic(
            contender.call, rounds=max(options.benchmark_min_rounds, rounds), iterations=calls
        )
        assert benchmark.stats is not None
        benchmark.extra_info["units_per_second"] = 1 / benchmark.stats["median"]
