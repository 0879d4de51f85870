"""Measures one workload: prepare, check that everybody does the same work, time, judge."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.clocks import own_clock
from benchmarks.contest import Contest, Role
from benchmarks.pair_timer import Clock, Contender, Effort, Timing, time_interleaved
from benchmarks.record import BarRecord, ContenderRecord, Measurement, Quartiles
from benchmarks.workload import Bar, Workload

FULL = Effort()
QUICK = Effort(seconds=0.6, sample_seconds=0.01)


def measure(
    workload: Workload,
    effort: Effort,
    *,
    small: bool = False,
    clock: Clock | None = None,
    alone: bool = False,
) -> Measurement:
    """The measurement of `workload`; bars are judged at full size only.

    `alone` times the subject without its rivals, and so without the check and the bars.

    The clock, unless given, is the contest's own, or else the wall's without the time in which this
    thread waited for a core.
    Raises `NotEquivalent` when subject and rivals do different work, without timing them.
    """
    begin = time.perf_counter()
    with workload.prepare(small=small) as contest:
        members = contest.members[:1] if alone else contest.members
        if not alone:
            contest.check()
        set_up_seconds = time.perf_counter() - begin
        contenders = [contender for _, contender in members]
        clock = clock or contest.clock or own_clock(time.perf_counter)
        timings = time_interleaved(contenders, effort, clock)
    return Measurement(
        name=workload.name,
        title=workload.title,
        layer=workload.layer,
        unit=workload.unit,
        arguments=workload.sizes(small=small),
        bytes_per_unit=contest.bytes_per_unit,
        set_up_seconds=round(set_up_seconds, 3),
        contenders=[
            describe(role, contender, timing, timings[0])
            for (role, contender), timing in zip(members, timings, strict=True)
        ],
        bars=[] if small or alone else judge_all(workload, contest, timings),
        notes=dict(contest.notes),
    )


def describe(role: Role, contender: Contender, timing: Timing, subject: Timing) -> ContenderRecord:
    """What the record says of one contender."""
    return ContenderRecord(
        label=contender.label,
        role=role,
        work=timing.work,
        calls_per_sample=timing.calls_per_sample,
        warm_up_seconds=round(timing.warm_up_seconds, 6),
        rate=Quartiles.of(timing.rates),
        advantage=None if role == "subject" else Quartiles.of(subject.rates / timing.rates),
        seconds=[float(f"{seconds:.6g}") for seconds in timing.seconds],
    )


def judge_all(workload: Workload, contest: Contest, timings: list[Timing]) -> list[BarRecord]:
    """Every bar of the workload, apart from ratios where no rival is installed."""
    bars = (bar for bar in workload.bars if contest.rivals or bar.quantity != "ratio")
    return [judge(bar, contest, timings) for bar in bars]


def judge(bar: Bar, contest: Contest, timings: list[Timing]) -> BarRecord:
    """Whether the median of the bar's quantity reaches it."""
    values = timings[0].rates
    if bar.quantity == "ratio":
        rivals = [timing.rates for timing in timings[1 : 1 + len(contest.rivals)]]
        fastest = max(rivals, key=lambda rates: float(np.median(rates)))
        values = values / (fastest if bar.rival is None else rivals[bar.rival])
    elif bar.quantity == "share":
        values = values / timings[1 + len(contest.rivals)].rates
    elif bar.quantity == "seconds":
        values = 1 / values
    value = float(np.median(values))
    is_met = (bar.at_least is None or value >= bar.at_least) and (
        bar.at_most is None or value <= bar.at_most
    )
    return BarRecord(
        quantity=bar.quantity,
        at_least=bar.at_least,
        at_most=bar.at_most,
        value=value,
        is_met=is_met,
    )
