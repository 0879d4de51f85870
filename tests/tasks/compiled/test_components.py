"""Tuples move between arrays and compiled code unchanged."""

import numpy as np
import pytest
from numba import njit

from adfast.tasks.compiled import components


@pytest.mark.parametrize("count", [1, 2, 3])
def test_columns_and_items_round_trip(count):
    read, write = components.column_reader(count), components.column_writer(count)
    write_item, select = components.item_writer(count), components.selector(count)

    @njit
    def copy_shifted(source, destination, items):
        for i in range(np.uint64(source.shape[1])):
            values = read(source, i)
            write(destination, i, values)
            start = i * np.uint64(count)
            write_item(items, start, select(values[0] > 2, values, read(source, np.uint64(0))))

    source = np.arange(count * 5, dtype=np.int32).reshape(count, 5)
    destination, items = np.full_like(source, -1), np.full(count * 5, -1, np.int32)
    copy_shifted(source, destination, items)
    np.testing.assert_array_equal(destination, source)
    selected = np.where(source[0] > 2, source, source[:, :1])
    np.testing.assert_array_equal(items.reshape(5, count), selected.T)


@pytest.mark.parametrize("sizes", [(7,), (3, 4), (2, 5, 3)])
def test_mixed_radix_numbers_tuples_in_order(sizes):
    number, values_of = components.mixed_radix(sizes), components.mixed_radix_inverse(sizes)

    @njit
    def there_and_back(index):
        values = values_of(index)
        return values, number(values)

    for expected, values in enumerate(np.ndindex(*sizes)):
        assert there_and_back(np.uint64(expected)) == (values, expected)
