"""LiveRing: training windows from a ring that collectors fill meanwhile, with no file.

Blocks of histories are computed in threads, as `collect` computes them; one committer appends them
to a ring buffer in their order, history i of every block to lane i. What a draw sees of them is the
schedule's, not the clock's: a draw waits for the histories that it is to see, and the committer
waits before it overwrites one. So a batch is a function of (seed, draw), the same as from a store
that holds these histories, and a run that was killed goes on at any draw: the ring begins with the
oldest block that the first draw asked of it sees.

The definition in plain Python is `tests/reference/live_ring.py`.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, NoReturn, Unpack

import numpy as np

from adfast.closing import Closing
from adfast.collection.collect import compute_blocks
from adfast.collection.live_schedule import LiveSchedule
from adfast.collection.plan import CollectionPlan
from adfast.errors import AdfastError, Interrupted, InvalidArgument
from adfast.histories import RingBuffer
from adfast.histories.windows import Align, BatchOptions, Undrawn
from adfast.tasks.transition_schema import TransitionSchema

BLOCKS_AHEAD = 1  # in the ring before a draw sees them
POLL_SECONDS = 0.1  # between two looks at whether to stop waiting


class LiveRing(Closing):
    """Histories of `plan` in memory, as `schedule` shows them; a context manager.

    Draws must not go back: those before the last one asked for are over, and what only they saw may
    be overwritten. One thread at a time draws. `should_stop()` is asked while a draw waits for
    histories, which then raises `Interrupted`. What fails in a collector is raised by the next
    draw.
    """

    def __init__(
        self,
        plan: CollectionPlan,
        schedule: LiveSchedule,
        *,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.plan = plan
        self.schedule = schedule
        self.threads = plan.num_threads
        self._should_stop = should_stop or (lambda: False)
        self._block_histories = plan.block_histories
        self._drawing = threading.Lock()
        # Guards what follows; notified whenever some of it changes.
        self._changed = threading.Condition()
        self._draw = -1  # the one that may still read
        self._num_blocks = 0  # appended, and those before the first
        self._failure: BaseException | None = None
        self._is_closed = False
        # Set once, by the first draw.
        self._ring: RingBuffer | None = None
        self._first_block = 0
        self._slots = 0  # blocks that the ring holds
        self._committer: threading.Thread | None = None
        self._process = os.getpid()

    def sample(
        self, batch_size: int, length: int, *, seed: int, draw: int, **options: Unpack[BatchOptions]
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: `HistoryStore.sample` of the histories that `draw` sees.

        Waits until they are collected.
        """
        return self._sample(RingBuffer.sample, batch_size, length, seed, draw, options)

    def sample_packed(
        self, batch_size: int, length: int, *, seed: int, draw: int, **options: Unpack[BatchOptions]
    ) -> dict[str, np.ndarray]:
        """Name -> `[B, L, *item]`: `HistoryStore.sample_packed`, as `sample`."""
        return self._sample(RingBuffer.sample_packed, batch_size, length, seed, draw, options)

    def _sample(
        self,
        sample: Callable[..., dict[str, np.ndarray]],
        batch_size: int,
        length: int,
        seed: int,
        draw: int,
        options: BatchOptions,
    ) -> dict[str, np.ndarray]:
        """Both kinds of batches."""
        if self._committer is not None and self._process != os.getpid():
            raise AdfastError(
                "a live ring is filled by threads of the process that drew from it first, which a "
                "fork does not have; make another LiveRing in the new process"
            )
        with self._drawing:
            ring = self._wait_for(draw)
            evicted, committed = self._bounds(draw)
            return sample(
                ring,
                batch_size,
                length,
                seed=seed,
                draw=draw,
                evicted=evicted,
                committed=committed,
                **options,
            )

    def _bounds(self, draw: int) -> tuple[int, int]:
        """The histories that `draw` sees, as the ring numbers them: from .. to below."""
        first_history = self._first_block * self._block_histories
        evicted, committed = self.schedule.evicted(draw), self.schedule.committed(draw)
        return evicted - first_history, committed - first_history

    def undrawn(self, length: int, *, align: Align = "step") -> Undrawn:
        """`HistoryStore.undrawn` of the histories that the last draw saw; nothing before it."""
        with self._drawing:
            if self._ring is None:
                return Undrawn(0, 0, 0, 0)
            evicted, committed = self._bounds(self._draw)
            return self._ring.undrawn(length, align=align, evicted=evicted, committed=committed)

    @property
    def schema(self) -> TransitionSchema:
        """What a transition holds."""
        return self.plan.schema

    @property
    def num_blocks(self) -> int:
        """Blocks that have been appended, and those before them that no draw has needed."""
        return self._num_blocks

    @property
    def identity(self) -> dict[str, Any]:
        """JSON-ready: what decides which histories a draw sees, and what they hold."""
        return self.plan.identity | {
            "live_capacity": self.plan.config.live_capacity,
            "fresh_transitions_per_update": self.schedule.fresh_transitions,
            "block_histories": self._block_histories,
        }

    def describe(self) -> dict[str, Any]:
        """JSON-ready, for the provenance: what the last draw saw."""
        last = max(self._draw, 0)
        return {
            "histories_committed": self.schedule.committed(last),
            "histories_evicted": self.schedule.evicted(last),
            "fresh_transitions_per_update": self.schedule.fresh_transitions,
            "ring_bytes": 0 if self._ring is None else self._ring.num_bytes,
            "collecting_threads": self.threads,
        }

    def close(self) -> None:
        """End all threads, each after the block that it is at."""
        if self._process != os.getpid():
            return  # the threads, and perhaps the lock, are those of the parent
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._committer is not None:
            self._committer.join()
            atexit.unregister(self.close)

    def __reduce__(self) -> NoReturn:
        raise InvalidArgument(
            "a live ring cannot be copied or sent to another process, whose threads it is filled "
            "by; make another LiveRing there"
        )

    def _start(self, draw: int) -> RingBuffer:
        """Begin to collect, with the oldest block that `draw` sees."""
        first = self.schedule.evicted(draw) // self._block_histories
        end = -(-self.schedule.num_histories // self._block_histories)
        # What a draw sees touches one block more than its length takes where it is not aligned.
        seen = -(-self.schedule.capacity_histories // self._block_histories) + 1
        self._slots = min(seen + BLOCKS_AHEAD, end - first)
        self._first_block = self._num_blocks = first
        lanes = min(self._block_histories, self.plan.num_histories)
        capacity = self._slots * self.plan.longest_history
        self._ring = RingBuffer(self.plan.schema, lanes, capacity)
        self._process = os.getpid()
        self._committer = threading.Thread(
            target=self._commit,
            args=(self._ring, range(first, end)),
            name="commit",
            daemon=True,
        )
        # A ring that was not closed must not keep its process alive, nor be in native code when the
        # interpreter is gone.
        atexit.register(self.close)
        self._committer.start()
        return self._ring

    def _wait_for(self, draw: int) -> RingBuffer:
        """Declare the draws before `draw` over; the ring, once its histories are there."""
        needed = -(-self.schedule.committed(draw) // self._block_histories)
        with self._changed:
            if draw < self._draw:
                raise InvalidArgument(
                    f"draws of a live ring must not go back, got {draw} after {self._draw}: what "
                    "it saw may be overwritten; make another LiveRing"
                )
            self._draw = draw
            self._changed.notify_all()
            while self._failure is None:
                if self._is_closed:
                    raise AdfastError("this live ring is closed; make another LiveRing")
                ring = self._ring or self._start(draw)
                if self._num_blocks >= needed:
                    return ring
                if self._should_stop():
                    raise Interrupted(f"stopped while update {draw} waited for its histories")
                self._changed.wait(POLL_SECONDS)
            raise self._failure

    def _commit(self, ring: RingBuffer, numbers: range) -> None:
        """The committer's thread: append the blocks `numbers` in order, each when it may be."""
        try:
            with closing(compute_blocks(self.plan, numbers, self.threads)) as blocks:
                for number, fields, lengths in blocks:
                    if not self._wait_for_room(number):
                        return
                    ring.append_block(range(len(lengths)), fields, lengths=lengths)
                    with self._changed:
                        self._num_blocks = number + 1
                        self._changed.notify_all()
        except BaseException as error:  # handed to the thread that draws
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _wait_for_room(self, number: int) -> bool:
        """Wait until block `number` may be appended; false if the ring was closed."""
        with self._changed:
            while not self._is_closed and number >= self._block_limit():
                self._changed.wait()
            return not self._is_closed

    def _block_limit(self) -> int:
        """The first block that may not be appended while the current draw may still read."""
        oldest_seen = self.schedule.evicted(self._draw) // self._block_histories
        needed = -(-self.schedule.committed(self._draw) // self._block_histories)
        # No more ahead than fits, nor than is soon needed: collectors take cores from training.
        return min(oldest_seen + self._slots, needed + BLOCKS_AHEAD)
