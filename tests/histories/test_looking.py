"""A first look at histories, and which of them meet conditions."""

import numpy as np
import pytest

from adfast import histories
from adfast.errors import InvalidArgument
from histories.interchange.exchanged import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("looking") / "store")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("task_id >= 2", [False, False, True, True]),
        ("task_id==10", [False, False, False, True]),
        ("is_good == true", [True, False, True, True]),
        ("algorithm != sarsa", [True, True, True, False]),
        ("length <= 17", [False, True, False, True]),
        ("history < 1", [True, False, False, False]),
    ],
)
def test_conditions_are_met(store, condition, expected):
    assert histories.where(store, condition).tolist() == expected


def test_judgement_is_that_of_quality(store):
    np.testing.assert_array_equal(
        histories.where(store, ["improvement > 0"]), histories.quality(store).improvement > 0
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("task_id", "a condition must be"),
        (3, "a condition must be"),
        ("task < 3", 'did you mean "task_id"'),
        ("task_id < many", "compared with a number"),
        ("algorithm < sarsa", "== and != alone"),
    ],
)
def test_what_is_no_condition_is_refused(store, condition, message):
    with pytest.raises(InvalidArgument, match=message):
        histories.where(store, [condition])


def test_head_says_large_items_by_their_shape(tmp_path):
    pictures = make_store(tmp_path / "pictures", "pictures")
    (row,) = histories.head(pictures, 1)
    assert row["observation"] == "uint8 [32, 33, 3]"
    assert row["action"] == int(pictures.history(0)["action"][0])
