"""Every workload compares equal work; a few ratios hold by a wide margin."""

import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from adfast.errors import UnknownName
from benchmarks.contest import Contest, NotEquivalent
from benchmarks.measure import measure
from benchmarks.pair_timer import Contender, Effort, Timing
from benchmarks.workload import Bar, Workload
from benchmarks.workloads import WORKLOADS, select


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_subject_and_rivals_do_the_same_work(workload):
    with workload.prepare(small=True) as contest:
        contest.check()
        for contender in (contest.subject, *contest.rivals):
            contender.call()


# A third of what is measured at these sizes, where that is no small factor. All contenders run in
# the one thread whose processor time is taken, because tests share their cores.
@pytest.mark.parametrize(
    ("name", "ratio", "sizes"),
    [
        ("dark-room-step-8192", 100, {"num_environments": 1024}),
        ("dark-room-random-rollout", 60, {}),
        ("dark-room-q-learning", 30, {}),
        ("dark-room-annealed-expert", 30, {}),
        ("ring-sample-400", 2, {}),
        ("ring-append", 1.2, {"num_lanes": 1024}),
        ("attention-4096-head-16", 1.5, {}),
        ("training-step-200", 1.3, {}),
        ("training-step-2048", 1.5, {}),
        ("streaming-evaluation-256", 1.3, {}),
    ],
)
def test_subject_is_far_ahead(name, ratio, sizes):
    (workload,) = select([name])
    workload = replace(workload, small={**workload.small, **sizes})
    effort = Effort(seconds=0.2, sample_seconds=0.01, min_rounds=5)
    measurement = measure(workload, effort, small=True, clock=time.thread_time)
    assert measurement.rivals[0].advantage.median >= ratio


def test_names_and_layers_select_rows_in_the_order_of_the_table():
    chosen = select(["ring-sample-400", "simulators"])
    assert [workload.layer for workload in chosen[:-1]] == ["simulators"] * (len(chosen) - 1)
    assert chosen[0].name == "dark-room-step-64"
    assert chosen[-1].name == "ring-sample-400"
    assert select([]) == list(WORKLOADS)


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match='did you mean "ring-sample-400"'):
        select(["ring-sampel-400"])


def test_names_are_unique():
    names = [workload.name for workload in WORKLOADS]
    assert len(set(names)) == len(names)


def workload_of(check, *bars):
    """A workload with one rival and a limit."""

    @contextmanager
    def factory():
        def spin():
            pass

        yield Contest(
            Contender("subject", spin, 10),
            (Contender("rival", spin, 1),),
            check,
            limit=Contender("limit", spin, 20),
        )

    return Workload("spin", "spin in place", "tests", "units", factory, bars=bars)


@pytest.fixture
def timed(monkeypatch):
    """Every call takes 2, 4 and 4 seconds; what was timed."""
    labels = []

    def time_interleaved(contenders, effort, clock):
        labels.extend(contender.label for contender in contenders)
        seconds = np.array([2.0, 4.0, 4.0])
        return [Timing(1, 0.0, seconds, contender.work) for contender in contenders]

    monkeypatch.setattr("benchmarks.measure.time_interleaved", time_interleaved)
    return labels


def test_unequal_work_is_not_timed(timed):
    def check():
        raise NotEquivalent("reward: differs")

    with pytest.raises(NotEquivalent, match="reward: differs"):
        measure(workload_of(check), Effort())
    assert timed == []


def test_measurement_judges_ratio_share_rate_and_time(timed):
    bars = (
        Bar("ratio", at_least=10),
        Bar("ratio", at_least=11),
        Bar("share", at_least=0.5),
        Bar("rate", at_least=2.6),
        Bar("seconds", at_most=0.4),
    )
    measurement = measure(workload_of(lambda: None, *bars), Effort())
    assert timed == ["subject", "rival", "limit"]
    assert [bar.value for bar in measurement.bars] == [10, 10, 0.5, 2.5, 0.4]
    assert [bar.is_met for bar in measurement.bars] == [True, False, True, False, True]
    assert measurement.limit.advantage.median == 0.5
    assert measurement.subject.rate.upper == 3.75
    assert measurement.subject.seconds == [2.0, 4.0, 4.0]


def test_small_sizes_judge_no_bar(timed):
    measurement = measure(workload_of(lambda: None, Bar("ratio", at_least=3)), Effort(), small=True)
    assert measurement.bars == []
