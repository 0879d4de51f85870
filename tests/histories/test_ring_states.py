"""Any sequence of appends and draws leaves a ring that gives what its plain-Python twin gives.

Rows, histories and episodes are numbered from 0, or from just below 2**32.
"""

from __future__ import annotations

from functools import partial
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from made_histories import SCHEMA, assert_same_batch, make_rows

from adfast import _native
from adfast.errors import InvalidArgument
from adfast.histories import RingBuffer
from reference.ring_buffer import RingBufferReference

NEAR_32_BITS = 2**32 - 40
SEEDS = st.integers(0, 2**32)


class RingStates(RuleBasedStateMachine):
    """A ring and its twin that are told the same."""

    @initialize(
        num_lanes=st.integers(1, 4),
        capacity=st.integers(1, 90),
        first_number=st.sampled_from([0, NEAR_32_BITS]),
    )
    def begin(self, num_lanes, capacity, first_number):
        numbered = partial(_native.RingBuffer, first_number=first_number)
        with mock.patch.object(_native, "RingBuffer", numbered):
            self.ring = RingBuffer(SCHEMA, num_lanes, capacity)
        self.twin = RingBufferReference(SCHEMA.fields, num_lanes, capacity)
        self.num_lanes, self.capacity, self.first_number = num_lanes, capacity, first_number

    @rule(seed=SEEDS, count=st.sampled_from([1, 2, 64, 70]), ends=st.sampled_from([None, 0.0, 0.1]))
    def append(self, seed, count, ends):
        """Rows for all lanes; where `ends`, histories end at random."""
        rng = np.random.default_rng(seed)
        for _ in range(count):
            row = make_rows(rng, self.num_lanes)
            starts = None if ends is None else rng.random(self.num_lanes) < ends
            self.ring.append(row, starts)
            self.twin.append(row, starts)

    @rule(seed=SEEDS, starts=st.sampled_from([0.0, 0.5, 1.0]))
    def append_block(self, seed, starts):
        """Blocks of different lengths, up to the capacity, for some of the lanes."""
        rng = np.random.default_rng(seed)
        lanes = rng.permutation(self.num_lanes)[: rng.integers(1, self.num_lanes + 1)]
        lengths = rng.integers(1, self.capacity + 1, len(lanes))
        begins = rng.random(len(lanes)) < starts
        block = make_rows(rng, len(lanes), int(lengths.max()))
        self.ring.append_block(lanes, block, lengths=lengths, starts=begins)
        self.twin.append_block(lanes, block, lengths, begins)

    @rule()
    def flush(self):
        self.ring.flush()
        self.twin.flush()

    @rule(
        length=st.sampled_from([1, 2, 7, 40]),
        is_packed=st.booleans(),
        align=st.sampled_from(["step", "episode"]),
        evicted=st.integers(0, 6),
        committed=st.none() | st.integers(6, 20),
        seed=SEEDS,
        threads=st.integers(1, 3),
    )
    def sample(self, length, is_packed, align, evicted, committed, seed, threads):
        """The same batch and the same places in it, or in both no such window."""
        numbers = {"seed": seed, "draw": length, "first_row": 3, "align": align}
        bounds = {
            "evicted": evicted + self.first_number,
            "committed": None if committed is None else committed + self.first_number,
        }
        draw = self.ring.sample_packed if is_packed else self.ring.sample
        call = partial(draw, 5, length, **numbers, **bounds, threads=threads, return_positions=True)
        if not self.twin.candidates(1 if is_packed else length, align, evicted, committed):
            with pytest.raises(InvalidArgument):
                call()
            return
        draw = self.twin.sample_packed if is_packed else self.twin.sample
        expected = draw(5, length, **numbers, evicted=evicted, committed=committed)
        expected["history_index"] = expected["history_index"] + self.first_number
        if not is_packed:
            for name in ("history_index", "history_offset"):
                expected[name] = expected[name][:, 0]
        assert_same_batch(call(), expected)

    @invariant()
    def holds_the_same(self):
        assert (self.ring.num_histories, self.ring.num_transitions) == self.twin.num_held()


RingStates.TestCase.settings = settings(
    max_examples=80, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]
)
TestRingStates = RingStates.TestCase
