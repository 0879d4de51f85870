"""Splits are disjoint, drawn by their seed alone, and leave no set empty."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfast import tasks
from adfast.collection.config import CollectionConfig
from adfast.errors import InvalidArgument
from own_family import Walk


@given(size=st.integers(2, 20), seed=st.integers(0, 2**64 - 1), data=st.data())
def test_split_parts_all_tasks_in_three(size, seed, data):
    family = tasks.make("dark-room", size=size)
    held_out = data.draw(st.integers(1, family.num_tasks - 2))
    validation = data.draw(st.integers(0, family.num_tasks - 1 - held_out))
    split = family.split(held_out, seed, validation)
    assert (len(split.held_out), len(split.validation)) == (held_out, validation)
    sets = (split.train, split.validation, split.held_out)
    np.testing.assert_array_equal(np.sort(np.concatenate(sets)), np.arange(family.num_tasks))
    assert all((np.diff(task_ids) > 0).all() and task_ids.dtype == np.int64 for task_ids in sets)
    np.testing.assert_array_equal(split.held_out, family.split(held_out, seed).held_out)
    if validation:  # held-out tasks come first, and the next ones are for validation
        both = family.split(held_out + validation, seed).held_out
        np.testing.assert_array_equal(np.union1d(split.held_out, split.validation), both)


def test_split_depends_on_the_seed_alone():
    family = tasks.make("dark-room")
    held_out = family.split(16, seed=0).held_out
    np.testing.assert_array_equal(held_out, tasks.make("dark-room").split(16, 0).held_out)
    assert not np.array_equal(held_out, family.split(16, seed=1).held_out)


@pytest.mark.parametrize(
    ("size", "held_out", "validation", "message"),
    [
        (9, 0, 0, r"held_out must be in 1\.\.80 so that dark-room, of 81 tasks, keeps .* got 0"),
        (9, 81, 0, r"held_out must be in 1\.\.80 .* got 81"),
        (9, -3, 0, r"held_out must be in 1\.\.80 .* got -3"),
        (9, 80, 1, r"held_out must be in 1\.\.79 .* got 80"),
        (
            9,
            16,
            65,
            "validation must be at most 64 .* beside 16 held-out, got 65; lower it, or",
        ),
        (9, 16, -1, "validation must be"),
        (9, 16, 2.5, "validation must be"),
        (1, 1, 0, "dark-room has 1, and a split needs 2; take a larger family"),
        (1, 1, 8, "dark-room has 1, and a split needs 3; take a larger family"),
    ],
)
def test_split_that_leaves_a_set_empty_is_refused(size, held_out, validation, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("dark-room", size=size).split(held_out, 0, validation)


@given(
    size=st.integers(4, 12),
    held_out=st.integers(1, 3),
    validation=st.integers(0, 2),
    leak=st.integers(0, 3),
    seed=st.integers(0, 2**64 - 1),
)
def test_half_room_trains_on_the_left_and_holds_out_the_right(
    size, held_out, validation, leak, seed
):
    family = tasks.make("dark-room", size=size)
    split = family.split(held_out, seed, validation, kind="half-room", leak=leak)
    column = np.arange(size * size) % size
    left = np.flatnonzero(column < size // 2)
    right = set(np.flatnonzero(column >= size - size // 2))
    leaked = set(split.train) - set(left)
    assert set(left) <= set(split.train)
    assert (len(split.held_out), len(split.validation)) == (held_out, validation)
    assert len(leaked) == leak
    assert len(leaked | set(split.held_out) | set(split.validation)) == sum(
        (held_out, validation, leak)
    )
    assert leaked | set(split.held_out) | set(split.validation) <= right
    assert all((np.diff(ids) > 0).all() for ids in (split.train, split.validation, split.held_out))
    without = family.split(held_out, seed, validation, kind="half-room")
    np.testing.assert_array_equal(without.held_out, split.held_out)
    np.testing.assert_array_equal(without.validation, split.validation)
    np.testing.assert_array_equal(without.train, left)


@pytest.mark.parametrize(
    ("family", "sizes", "message"),
    [
        (
            "frozen-lake",
            {},
            r'split = "half-room" needs a family .* frozen-lake does not .*"random"',
        ),
        ("dark-house", {}, "dark-house does not say"),
        (
            "dark-room",
            {"held_out": 36},
            r"held_out must be in 1\.\.35 so that the right half of dar",
        ),
        ("dark-room", {"validation": 35}, "validation must be at most 34 .* beside 2 held-out"),
        ("dark-room", {"leak": 30, "held_out": 6}, r"in 1\.\.5 .* and 30 leaked ones, got 6"),
        ("dark-room", {"leak": 31}, r"leak must be .*30, got 31"),
        ("dark-room", {"leak": -1}, "leak must be"),
        ("dark-room", {"kind": "random", "leak": 1}, 'leak is a setting of split = "half-room"'),
        ("dark-room", {"kind": "half"}, 'split must be "random" or "half-room", got'),
    ],
)
def test_half_room_that_cannot_be_is_refused(family, sizes, message):
    chosen = {"held_out": 2, "seed": 0, "validation": 1, "kind": "half-room"} | sizes
    with pytest.raises(InvalidArgument, match=message):
        tasks.make(family).split(**chosen)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (1, "needs a task in each half, and dark-room has 0 in the left one, 0 in the right"),
        (2, "the right half of dark-room has 2, and a split needs 3; take a larger family, or low"),
    ],
)
def test_room_of_too_few_columns_has_no_halves(size, message):
    with pytest.raises(InvalidArgument, match=message):
        tasks.make("dark-room", size=size).split(1, 0, 1, kind="half-room", leak=1)


def test_leak_needs_halves_in_a_recipe():
    assert CollectionConfig(split="half-room", leak=30).leak == 30
    with pytest.raises(InvalidArgument, match=r'leak is a setting of split = "half-room", got 3'):
        CollectionConfig(leak=3)


def test_split_of_more_tasks_than_memory_holds_is_refused_with_the_bytes():
    class Endless(Walk):
        num_tasks: ClassVar[int] = 2**32

    with pytest.raises(InvalidArgument, match=r"walk has 4,294,967,296, which take 96 GiB"):
        Endless().split(1, 0)
