"""A live ring gives the batches of a store, whatever its threads do meanwhile."""

import contextlib
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adfast import tasks
from adfast.collection import live_ring
from adfast.collection.collect import collect, compute_blocks
from adfast.collection.live_ring import LiveRing
from adfast.collection.live_schedule import plan_live_schedule
from adfast.errors import AdfastError, Interrupted, InvalidArgument
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from collection.small_collection import make_plan
from reference.live_ring import LiveRingReference

DRAWS = 40
PATIENCE = 60  # seconds: a ring too small for its schedule would wait for ever
FRESH = 75  # transitions: two and a half histories
EVICTING = {"live_capacity": 500, "fresh_transitions_per_update": FRESH}
OPTIONS = {"seed": 9, "align": "episode"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """All histories of the plan, which a live ring makes in turn."""
    return collect(make_plan(), tmp_path_factory.mktemp("store") / "histories")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("commit", "collect"))]


def make_ring(num_draws=DRAWS, family=None, should_stop=None, **changes):
    plan = make_plan(live=True, **changes)
    if family is not None:
        plan = type(plan)(family, plan.task_ids, plan.config, plan.seed)
    schedule = plan_live_schedule(plan, num_draws=num_draws, sampled_transitions=FRESH)
    patience = time.monotonic() + PATIENCE
    return LiveRing(
        plan, schedule, should_stop=should_stop or (lambda: time.monotonic() > patience)
    )


def make_twin(ring):
    """The twin over all histories of the ring's plan, computed beforehand."""
    plan = ring.plan
    histories = [
        {name: array[row, :length] for name, array in fields.items()}
        for _, fields, lengths in compute_blocks(plan, range(plan.num_blocks), 1)
        for row, length in enumerate(lengths)
    ]
    return LiveRingReference(
        plan.family.transition_schema.fields,
        histories,
        first=plan.config.block_histories,
        fresh=FRESH,
        longest=plan.longest_history,
        capacity=plan.config.live_capacity or 10**9,
    )


def assert_same_batch(batch, expected):
    for name, values in batch.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def assert_same_as_store(ring, store, draws):
    for draw in draws:
        seen = {
            "evicted": ring.schedule.evicted(draw),
            "committed": ring.schedule.committed(draw),
        }
        expected = store.sample(16, 20, draw=draw, **seen, **OPTIONS)
        assert_same_batch(ring.sample(16, 20, draw=draw, **OPTIONS), expected)
        packed = store.sample_packed(4, 70, draw=draw, **seen, **OPTIONS)  # of histories of 30
        assert_same_batch(ring.sample_packed(4, 70, draw=draw, **OPTIONS), packed)


@pytest.mark.parametrize(("threads", "block_histories"), [(1, 7), (2, 1), (4, 7), (3, 50)])
def test_batches_are_those_of_a_store_that_holds_the_same_blocks(store, threads, block_histories):
    with make_ring(100, threads=threads, block_histories=block_histories) as ring:
        assert_same_as_store(ring, store, range(60))
        assert ring.schedule.committed(60) == 120
        for draw in range(60, 100):  # all is committed: the store as it is
            batch = ring.sample(16, 20, draw=draw, **OPTIONS)
            assert_same_batch(batch, store.sample(16, 20, draw=draw, **OPTIONS))


@pytest.mark.parametrize(("threads", "block_histories"), [(1, 7), (2, 1), (3, 40)])
def test_batches_while_histories_are_evicted_are_those_of_a_windowed_store(
    store, threads, block_histories
):
    arguments = {"threads": threads, "block_histories": block_histories}
    with make_ring(**arguments, **EVICTING) as ring:
        assert_same_as_store(ring, store, range(DRAWS))
        assert ring.schedule.evicted(DRAWS - 1) > 80
        held = ring.describe()["ring_bytes"] / store.num_bytes * 120  # histories
        assert held <= 16 + 3 * block_histories


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    block_histories=st.integers(1, 130),
    capacity=st.none() | st.integers(30, 3000),
    fresh=st.integers(1, 300),
    threads=st.integers(1, 3),
    draws=st.lists(st.integers(0, DRAWS - 1), min_size=1, max_size=8).map(sorted),
)
def test_any_schedule_gives_the_batches_of_a_windowed_store(
    store, block_histories, capacity, fresh, threads, draws
):
    ring = make_ring(
        block_histories=block_histories,
        live_capacity=capacity,
        fresh_transitions_per_update=fresh,
        threads=threads,
    )
    with ring:
        assert_same_as_store(ring, store, draws)


@pytest.mark.parametrize("options", [{}, {"terminate_at_goal": True}])
@pytest.mark.parametrize("capacity", [None, 500])
def test_ring_matches_reference(options, capacity):
    """Also where episodes end early, so that histories differ in length."""
    family = make_plan().family
    family = type(family)(size=5, episode_length=10, **options)
    with make_ring(family=family, **(EVICTING | {"live_capacity": capacity})) as ring:
        twin = make_twin(ring)
        for draw in range(0, DRAWS, 3):
            batch = ring.sample(8, 9, draw=draw, **OPTIONS)
            assert_same_batch(batch, twin.sample(8, 9, draw=draw, **OPTIONS))


@pytest.mark.parametrize("first", [1, 17, DRAWS - 1])
def test_ring_begins_at_any_draw_with_the_oldest_block_that_it_sees(store, first, monkeypatch):
    computed = []

    def compute(plan, numbers, threads):
        computed.extend(numbers)
        return compute_blocks(plan, numbers, threads)

    monkeypatch.setattr(live_ring, "compute_blocks", compute)
    with make_ring(**EVICTING) as ring:
        assert_same_as_store(ring, store, range(first, DRAWS))
        assert computed[0] == ring.schedule.evicted(first) // 7


def test_draws_may_be_left_out_and_repeated(store):
    with make_ring(**EVICTING) as ring:
        assert_same_as_store(ring, store, [0, 0, 11, 12, 12, 39])


def appended_in_the_end(ring, expected):
    """The blocks that the committer appends when nobody draws any more: `expected`, or others."""
    patience = time.monotonic() + PATIENCE
    while ring.num_blocks < expected and time.monotonic() < patience:
        time.sleep(0.01)
    time.sleep(0.15)  # for one that goes on
    return ring.num_blocks


def test_committer_pauses_before_it_evicts_what_a_draw_may_read(store):
    with make_ring(**EVICTING) as ring:
        for draw in (0, 20):
            assert_same_as_store(ring, store, [draw])
            needed = -(-ring.schedule.committed(draw) // 7)
            expected = needed + live_ring.BLOCKS_AHEAD
            assert appended_in_the_end(ring, expected) == expected < 18
            assert_same_as_store(ring, store, [draw] * 20)


def test_without_its_pause_the_committer_would_overwrite_what_a_draw_sees(store, monkeypatch):
    monkeypatch.setattr(LiveRing, "_block_limit", lambda ring: 10**9)
    with make_ring(**EVICTING) as ring:
        with contextlib.suppress(InvalidArgument):  # unless it is overwritten already
            ring.sample(16, 20, draw=0, **OPTIONS)
        assert appended_in_the_end(ring, 15) == 15  # all that any draw sees
        with pytest.raises(InvalidArgument, match="no history among the first 7 holds"):
            ring.sample(16, 20, draw=0, **OPTIONS)
        with pytest.raises(AssertionError, match="Arrays are not equal"):
            assert_same_as_store(ring, store, [28])  # some of what it sees is still held


def test_learner_that_cannot_be_made_is_refused_before_a_thread_begins():
    with pytest.raises(InvalidArgument, match="discount"):
        make_ring(options={"discount": 3.0})


def test_failure_in_a_collector_reaches_whoever_draws(monkeypatch):
    def fail(self, *arguments, **options):
        raise InvalidArgument("no such luck")

    monkeypatch.setattr(SourceAlgorithm, "learn", fail)
    with make_ring() as ring:
        for _ in range(2):
            with pytest.raises(InvalidArgument, match="no such luck"):
                ring.sample(16, 20, draw=0, **OPTIONS)


def test_failure_in_a_later_block_reaches_whoever_draws(store, monkeypatch):
    learn = SourceAlgorithm.learn

    def fail_later(self, family, task_ids, random_streams, *arguments, **options):
        if 28 + 21 in random_streams:  # in the fifth block
            raise MemoryError("no memory for this block")
        return learn(self, family, task_ids, random_streams, *arguments, **options)

    monkeypatch.setattr(SourceAlgorithm, "learn", fail_later)
    with make_ring() as ring:
        assert_same_as_store(ring, store, [0])
        for _ in range(2):
            with pytest.raises(MemoryError, match="no memory for this block"):
                ring.sample(16, 20, draw=20, **OPTIONS)


@pytest.fixture
def endless_block(monkeypatch):
    """Blocks from the third on are not finished before this is set."""
    finished = threading.Event()
    learn = SourceAlgorithm.learn

    def wait(self, family, task_ids, random_streams, *arguments, **options):
        if random_streams[0] >= 14:
            assert finished.wait(PATIENCE)
        return learn(self, family, task_ids, random_streams, *arguments, **options)

    monkeypatch.setattr(SourceAlgorithm, "learn", wait)
    yield finished
    finished.set()


def test_waiting_draw_stops_when_asked_to(endless_block):
    asked = threading.Event()
    with make_ring(should_stop=asked.is_set) as ring:
        ring.sample(16, 20, draw=0, **OPTIONS)
        asked.set()
        ring.sample(16, 20, draw=0, **OPTIONS)  # has what it sees, so it does not wait
        with pytest.raises(Interrupted, match="stopped while update 20 waited for its histories"):
            ring.sample(16, 20, draw=20, **OPTIONS)
        endless_block.set()


def test_waiting_draw_ends_when_the_ring_is_closed(endless_block):
    ring = make_ring()
    errors = []

    def draw():
        try:
            ring.sample(16, 20, draw=20, **OPTIONS)
        except AdfastError as error:
            errors.append(str(error))

    thread = threading.Thread(target=draw)
    thread.start()
    while ring.num_blocks < 2:
        time.sleep(0.01)
    finishing = threading.Timer(0.2, endless_block.set)
    finishing.start()
    ring.close()
    thread.join(PATIENCE)
    finishing.join()
    draw()
    assert errors == ["this live ring is closed; make another LiveRing"] * 2


def test_closing_ends_a_paused_committer_at_once():
    ring = make_ring(**EVICTING)
    ring.sample(16, 20, draw=0, **OPTIONS)
    appended_in_the_end(ring, -(-ring.schedule.committed(0) // 7) + live_ring.BLOCKS_AHEAD)
    closing = threading.Thread(target=lambda: [ring.close(), ring.close()])
    closing.start()
    closing.join(PATIENCE)  # one that waited for a draw would wait for ever
    assert not closing.is_alive()
    make_ring().close()  # one that was never drawn from


def test_draw_that_goes_back_is_refused(store):
    with make_ring(**EVICTING) as ring:
        assert_same_as_store(ring, store, [5])
        with pytest.raises(InvalidArgument, match="must not go back, got 4 after 5"):
            ring.sample(16, 20, draw=4, **OPTIONS)
        assert_same_as_store(ring, store, [5, 6])


def draw_in_fork(ring, answers):
    try:
        ring.sample(16, 20, draw=2, **OPTIONS)
    except AdfastError as error:
        answers.put(str(error))
    ring.close()


def test_forked_process_is_told_and_its_parent_goes_on(store):
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    with make_ring(**EVICTING) as ring:
        assert_same_as_store(ring, store, [1])
        child = context.Process(target=draw_in_fork, args=(ring, answers))
        child.start()
        child.join(300)
        assert child.exitcode == 0
        assert "make another LiveRing in the new process" in answers.get()
        assert_same_as_store(ring, store, [2, 30])


def test_ring_that_is_never_closed_does_not_keep_its_process_alive():
    program = (
        "from collection.test_live_ring import EVICTING, OPTIONS, make_ring\n"
        "ring = make_ring(**EVICTING)\n"
        "print(ring.sample(16, 20, draw=3, **OPTIONS)['action'].shape)\n"
    )
    path = os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "(16, 20)\n", "")


def test_live_ring_is_neither_sent_nor_copied():
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with (
            make_ring() as ring,
            pytest.raises(InvalidArgument, match="cannot be copied"),
        ):
            copied(ring)


def test_what_is_too_short_to_be_drawn_is_counted_among_what_the_draw_sees():
    """Where episodes end at the goal histories differ in length."""
    family = tasks.make("dark-room", size=5, episode_length=10, terminate_at_goal=True)
    with make_ring(family=family, **EVICTING) as ring:
        assert ring.undrawn(20) == (0, 0, 0, 0)
        plan = ring.plan
        lengths = np.concatenate(
            [found for _, _, found in compute_blocks(plan, range(plan.num_blocks), 1)]
        )
        for draw in (0, 5, DRAWS - 1):
            ring.sample(4, 20, draw=draw, **OPTIONS)
            seen = lengths[ring.schedule.evicted(draw) : ring.schedule.committed(draw)]
            short = seen[seen < 20]
            assert ring.undrawn(20) == (len(short), short.sum(), len(seen), seen.sum())
        assert len(short)
