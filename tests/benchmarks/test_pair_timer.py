"""The timer, against a clock that only moves when a contender works."""

import gc

import numpy as np

from benchmarks.pair_timer import Contender, Effort, time_interleaved


class Clock:
    def __init__(self):
        self.now = 0.0
        self.log = []

    def __call__(self):
        return self.now

    def contender(self, label, seconds, work=1.0):
        """Takes `seconds`, a number or a function of the time at which it is called."""

        def call():
            self.log.append(label)
            self.now += seconds(self.now) if callable(seconds) else seconds

        return Contender(label, call, work)


EFFORT = Effort(seconds=10.0, sample_seconds=1.0, min_rounds=3, max_rounds=50)


def test_rates_are_work_per_second():
    clock = Clock()
    contenders = [clock.contender("subject", 0.25, work=100), clock.contender("rival", 2.0, work=4)]
    subject, rival = time_interleaved(contenders, EFFORT, clock)
    np.testing.assert_allclose(subject.rates, 400)
    np.testing.assert_allclose(rival.rates, 2)


def test_samples_hold_as_many_calls_as_fill_them():
    clock = Clock()
    timings = time_interleaved(
        [clock.contender("short", 1 / 128), clock.contender("long", 3.0)], EFFORT, clock
    )
    assert [timing.calls_per_sample for timing in timings] == [128, 1]


def test_contenders_take_turns():
    clock = Clock()
    time_interleaved([clock.contender("a", 1.0), clock.contender("b", 1.0)], EFFORT, clock)
    rounds = clock.log[4:]  # after a warm-up and a calibration of each
    assert rounds == ["a", "b"] * (len(rounds) // 2)


def test_slow_contenders_get_the_fewest_rounds_and_quick_ones_fill_the_time():
    slow, quick = Clock(), Clock()
    assert len(time_interleaved([slow.contender("a", 20.0)], EFFORT, slow)[0].seconds) == 3
    assert len(time_interleaved([quick.contender("a", 0.5)], EFFORT, quick)[0].seconds) == 10


def test_warm_up_is_apart():
    clock = Clock()
    compiling = clock.contender("a", lambda now: 30.0 if now == 0.0 else 1.0)
    (timing,) = time_interleaved([compiling], EFFORT, clock)
    assert timing.warm_up_seconds == 30.0
    assert timing.seconds.max() == 1.0


def test_ratios_survive_a_machine_that_slows_down():
    clock = Clock()

    def slowing(seconds):
        return lambda now: seconds * (1.0 + now / 10.0)

    subject, rival = time_interleaved(
        [clock.contender("subject", slowing(0.1)), clock.contender("rival", slowing(0.3))],
        Effort(seconds=60.0, sample_seconds=0.1),
        clock,
    )
    assert subject.rates[0] > 2 * subject.rates[-1]
    np.testing.assert_allclose(subject.rates / rival.rates, 3.0, rtol=0.05)


def test_garbage_collection_is_paused_and_comes_back():
    states = []
    time_interleaved(
        [Contender("a", lambda: states.append(gc.isenabled()), 1)],
        Effort(seconds=0.0, sample_seconds=1e-6),
    )
    assert not any(states)
    assert gc.isenabled()
