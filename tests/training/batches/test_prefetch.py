"""Batches arrive in order and whole, however late copies and computation run."""

import threading
import time

import numpy as np
import pytest
import torch

from adfast.training.batches.prefetch import NUM_SLOTS, BatchPrefetcher

TEMPLATE = {"a": torch.zeros(4, dtype=torch.int64), "b": torch.zeros(2, 3, dtype=torch.uint8)}


class LateEvent:
    """Done when the stream that it belongs to has run up to it."""

    def __init__(self, stream):
        self.stream = stream
        self.is_done = False

    def synchronize(self):
        self.stream.run_until(self)


class LateStream:
    """Does nothing before somebody waits: the latest that a device is allowed to be."""

    def __init__(self, lock):
        self.pending = []
        self.lock = lock

    def ask(self, work):
        event = LateEvent(self)
        with self.lock:
            self.pending.append((work, event))
        return event

    def run_until(self, event):
        with self.lock:
            while not event.is_done:
                work, done = self.pending.pop(0)
                work()
                done.is_done = True


class LateTransfer:
    """A `Transfer` between host tensors whose two streams run as late as events permit."""

    def __init__(self):
        lock = threading.RLock()  # one for both streams, which wait for each other
        self.copies, self.compute = LateStream(lock), LateStream(lock)
        self.is_finished = False

    def allocate(self, like):
        return torch.full_like(like, 99), torch.full_like(like, 99)

    def copy(self, pairs, after):
        def work():
            if after is not None:
                after.synchronize()
            for host, device in pairs:
                device.copy_(host)

        return self.copies.ask(work)

    def mark(self):
        return self.compute.ask(lambda: None)

    def hold_back(self, event):
        self.compute.ask(event.synchronize)

    def finish(self):
        self.copies.ask(lambda: None).synchronize()
        self.is_finished = True


def fill(update, out):
    out["a"][:] = update
    out["b"][:] = update % 251


def run(transfer, updates, fill=fill, pause=lambda update: None):
    """What the device sees of every batch, computed as late as possible."""
    seen = []
    with BatchPrefetcher(fill, updates, TEMPLATE, transfer) as batch_of:
        for update in updates:
            batch = batch_of(update)
            transfer.compute.ask(
                lambda batch=batch: seen.append({name: t.clone() for name, t in batch.items()})
            )
            pause(update)
        transfer.mark().synchronize()
    return seen


@pytest.mark.parametrize("side", ["neither", "reader", "filler"])
def test_every_batch_is_seen_whole_and_in_order(side):
    def slow(update):
        time.sleep(0.002 * (update % 3))

    def slow_fill(update, out):
        slow(update)
        fill(update, out)

    seen = run(
        LateTransfer(),
        range(5, 45),
        fill=slow_fill if side == "filler" else fill,
        pause=slow if side == "reader" else lambda update: None,
    )
    assert [int(batch["a"][0]) for batch in seen] == list(range(5, 45))
    for update, batch in enumerate(seen, start=5):
        assert (batch["a"] == update).all()
        assert (batch["b"] == update % 251).all()


@pytest.mark.parametrize("guard", ["host buffer", "device buffer", "copy before compute"])
def test_without_a_guard_this_transfer_shows_torn_batches(guard):
    """That the test above would notice."""
    transfer = LateTransfer()
    if guard == "host buffer":
        asked = transfer.copy

        def copy(pairs, after):
            event = asked(pairs, after)
            event.synchronize = lambda: None
            return event

        transfer.copy = copy
        transfer.hold_back = lambda event: transfer.compute.ask(
            lambda: transfer.copies.run_until(event)
        )
    elif guard == "device buffer":
        asked_to_copy = transfer.copy
        transfer.copy = lambda pairs, after: asked_to_copy(pairs, None)
    else:
        transfer.hold_back = lambda event: None
    seen = run(transfer, range(40))
    assert [int(batch["a"][0]) for batch in seen] != list(range(40))


def test_no_more_is_filled_ahead_than_there_are_slots():
    filled = []
    transfer = LateTransfer()
    with BatchPrefetcher(
        lambda update, out: filled.append(update), range(100), TEMPLATE, transfer
    ) as batch_of:
        batch_of(0)
        deadline = time.monotonic() + 120
        while len(filled) < NUM_SLOTS and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert filled == list(range(NUM_SLOTS))


def test_error_comes_with_its_own_batch_and_again():
    def fill_until(update, out):
        if update == 2:
            raise ValueError("no such window")
        fill(update, out)

    with BatchPrefetcher(fill_until, range(10), TEMPLATE, LateTransfer()) as batch_of:
        batch_of(0)
        batch_of(1)
        for _ in range(2):
            with pytest.raises(ValueError, match="no such window"):
                batch_of(2)


def test_leaving_early_ends_the_thread_and_its_copies():
    before = threading.active_count()
    transfer = LateTransfer()

    def stop(update):
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        run(transfer, range(10**6), pause=stop)
    assert threading.active_count() == before
    assert transfer.is_finished
    assert not transfer.copies.pending


def test_buffers_have_the_names_and_dtypes_of_the_template():
    shapes = {}

    def look(update, out):
        shapes.update({name: (array.dtype, array.shape) for name, array in out.items()})

    run(LateTransfer(), range(1), fill=look)
    assert shapes == {"a": (np.int64, (4,)), "b": (np.uint8, (2, 3))}
