"""How often windows are drawn is what `sample` and `sample_packed` say, in store and ring."""

import numpy as np
import pytest

from adfast.histories import FieldSchema, HistoryStore, RingBuffer, from_arrays
from adfast.tasks.fields import Field

SCHEMA = FieldSchema({"row": Field(np.dtype(np.int64)), "episode_step": Field(np.dtype(np.uint16))})
# Histories of unequal length, their episodes of unequal length.
EPISODES = ((9, 1, 1, 3), (2, 2, 2), (1,), (6, 5), (12,))
LENGTHS = np.array([sum(episodes) for episodes in EPISODES])
OFFSETS = np.r_[0, np.cumsum(LENGTHS)]
DRAWN = 60_000


def steps_of(episodes):
    return np.concatenate([np.arange(length) for length in episodes])


def make_store() -> HistoryStore:
    arrays = {
        "row": np.arange(LENGTHS.sum()),
        "episode_step": np.concatenate([*map(steps_of, EPISODES)]).astype(np.uint16),
    }
    return from_arrays(SCHEMA, arrays, LENGTHS)


def make_ring() -> RingBuffer:
    """The same histories, after others of which they have not overwritten all."""
    ring = RingBuffer(SCHEMA, len(EPISODES), int(LENGTHS.max()))
    for first in (-1000, 0):
        for lane, episodes in enumerate(EPISODES):
            rows = first + OFFSETS[lane] + np.arange(LENGTHS[lane])
            steps = steps_of(episodes).astype(np.uint16)
            ring.append_block([lane], {"row": rows[None], "episode_step": steps[None]})
    return ring


every_holder = pytest.mark.parametrize(
    ("holder", "bounds"),
    [(make_store(), {}), (make_ring(), {"evicted": len(EPISODES)})],
    ids=["store", "ring"],
)


def assert_frequencies(drawn, probabilities):
    """The rows `drawn` come as often as `probabilities` `[rows]` say, by a chi-square test."""
    counts = np.bincount(drawn.ravel(), minlength=len(probabilities))
    expected = drawn.size * probabilities / probabilities.sum()
    assert not counts[expected == 0].any()
    possible = expected > 0
    chi_square = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    freedom = possible.sum() - 1
    assert chi_square < freedom + 5 * np.sqrt(2 * freedom)


def starts(length, align):
    """bool `[rows]`: where a window of `length` may start."""
    return np.concatenate(
        [
            (np.arange(count) + length <= count) & ((align == "step") | (steps_of(episodes) == 0))
            for count, episodes in zip(LENGTHS, EPISODES, strict=True)
        ]
    )


@every_holder
@pytest.mark.parametrize("align", ["step", "episode"])
@pytest.mark.parametrize("length", [1, 3, 6])
def test_every_start_of_a_window_is_equally_likely(holder, bounds, align, length):
    batch = holder.sample(DRAWN, length, seed=1, draw=0, align=align, **bounds)
    assert_frequencies(batch["row"][:, 0], starts(length, align).astype(float))


@every_holder
def test_every_transition_of_packed_rows_is_equally_likely(holder, bounds):
    batch = holder.sample_packed(DRAWN // 20, 20, seed=1, draw=0, **bounds)
    for token in (0, 7, 19):
        assert_frequencies(batch["row"][:, token], np.ones(LENGTHS.sum()))


@every_holder
def test_packed_rows_aligned_with_episodes_begin_with_any_of_them(holder, bounds):
    rows = holder.sample_packed(DRAWN, 40, seed=1, draw=0, align="episode", **bounds)
    assert_frequencies(rows["row"][:, 0], starts(1, "episode").astype(float))
    # The second document is a history's beginning, every history equally likely.
    second = np.argmax(rows["document_start"] > 0, axis=1)
    begun = rows["row"][np.arange(DRAWN), second][second > 0]
    assert_frequencies(begun, np.isin(np.arange(LENGTHS.sum()), OFFSETS).astype(float))


def test_within_a_history_transitions_are_as_likely_as_episodes_begin_before_them():
    store = from_arrays(
        SCHEMA,
        {
            "row": np.arange(40),
            "episode_step": np.r_[np.arange(30), 0, 0, np.arange(8)].astype("u2"),
        },
        np.array([40]),
    )
    length = 12
    rows = store.sample_packed(DRAWN, length, seed=1, draw=0, align="episode")
    is_first = rows["document_start"] == 0
    episode_starts = np.array([0, 30, 31, 32])
    age = np.arange(40)[:, None] - episode_starts
    expected = ((age >= 0) & (age < length)).sum(1)
    counts = np.bincount(rows["row"][is_first], minlength=40)
    np.testing.assert_allclose(counts / DRAWN * 4, expected, atol=0.05)


@pytest.mark.parametrize(
    ("length", "align", "expected"),
    [
        (1, "step", (0, 0)),
        (7, "step", (2, 7)),
        (12, "step", (3, 18)),
        (12, "episode", (3, 18)),
        (14, "episode", (4, 30)),
    ],
)
@every_holder
def test_what_is_too_short_to_be_drawn_is_counted(holder, bounds, length, align, expected):
    undrawn = holder.undrawn(length, align=align, **bounds)
    assert undrawn[:2] == expected
    assert undrawn[2:] == (5, 44)


def test_a_history_without_a_whole_window_from_an_episode_start_counts_as_undrawn():
    steps = np.r_[np.arange(5, 9), 0, 1, np.arange(6)].astype(np.uint16)
    store = from_arrays(SCHEMA, {"row": np.arange(12), "episode_step": steps}, np.array([6, 6]))
    assert store.undrawn(5, align="episode") == (1, 6, 2, 12)
    assert store.undrawn(5, align="step") == (0, 0, 2, 12)
    assert store.undrawn(5, evicted=1) == (0, 0, 1, 6)
