"""Every row of the table: equal work, few allocations and operations, a ratio by a wide margin."""

import time
from contextlib import contextmanager

import numpy as np
import pytest

from adfast.errors import UnknownName
from benchmarks.contest import Contest, NotEquivalent, proof_of
from benchmarks.counts import COUNTERS
from benchmarks.measure import measure
from benchmarks.pair_timer import Contender, Effort, Timing, time_interleaved
from benchmarks.workload import Bar, Workload
from benchmarks.workloads import WORKLOADS, select

# Kernels of a card need the interpreter of Triton, which has a process of its own:
# tests/attention/triton/interpreted/test_attention_gpu_command.py.
ROWS = [row for row in WORKLOADS if row.device == "cpu" or row.layer != "attention"]


@pytest.fixture(scope="module")
def prepared(request):
    """A row at small size, on the processor, its contest after the check, and what that showed."""
    (workload,) = select([request.param])
    if workload.device != "cpu":
        workload = workload.on("cpu")
    with workload.prepare(small=True) as contest:
        yield workload, contest, proof_of(contest)


def for_rows(*rows):
    """Run a test for these rows; its contest is made once for all tests of a row."""
    names = [row.name for row in rows]
    return pytest.mark.parametrize("prepared", names, ids=names, indirect=True)


@for_rows(*ROWS)
def test_subject_and_rivals_do_the_same_work(prepared):
    workload, contest, proof = prepared
    assert proof
    for _, contender in contest.members:
        contender.call()
    present = [(role, contender.label) for role, contender in contest.members[1:]]
    assert [one for one in workload.members[1:] if one in present] == present
    absent = {label for _, label in workload.members[1:]} - {label for _, label in present}
    assert absent <= set(workload.optional)


@for_rows(*ROWS)
def test_call_takes_no_more_than_its_row_says(prepared):
    workload, contest, _ = prepared
    for _ in range(2):
        contest.subject.call()
    for count, most in {"compilations": 0, **workload.counts}.items():
        assert COUNTERS[count](contest.subject.call) <= most, count


# All contenders run in the one thread whose processor time is taken: tests share their cores.
@for_rows(*(workload for workload in WORKLOADS if workload.small_ratio is not None))
def test_subject_is_far_ahead(prepared):
    workload, contest, _ = prepared
    effort = Effort(seconds=0.05, sample_seconds=0.005, min_rounds=5)
    members = [contest.subject, contest.rivals[0]]
    subject, rival = time_interleaved(members, effort, time.thread_time)
    assert np.median(subject.rates / rival.rates) >= workload.small_ratio


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
