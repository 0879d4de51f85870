"""Attention over sequences that are cut over processes, beside the whole in one process."""

import itertools
from pathlib import Path

import pytest

from adfast.attention import ContextShare
from adfast.errors import InvalidArgument
from ranks import on_ranks

SCRIPT = Path(__file__).parent / "halo_ranks.py"
DOCUMENTS = ("none", "over the cut", "many")


def windows_of(length, num_ranks):
    """Those about which something changes: W - 1 is a share, one less, one more, several, all."""
    share = length // num_ranks
    return (1, 4, share, share + 1, share + 2, 2 * share + 3, length, 10 * length, None)


# Of three, the first, the last and one between; what two do shows in training, too.
@pytest.mark.parametrize("num_ranks", [pytest.param(2, marks=pytest.mark.thorough), 3])
def test_attention_over_shares_is_that_of_one_process(num_ranks):
    lengths = (12 * num_ranks, 12 * num_ranks + 1)  # even and uneven shares
    cases = [
        {"length": length, "window": window, "documents": documents}
        for length in lengths
        for window in windows_of(length, num_ranks)
        for documents in DOCUMENTS
    ]
    singles = [
        case | {"dtype": "float32", "backend": backend}
        for case, backend in zip(cases, itertools.cycle(("cpu", "cpu", "reference", "banded")))
    ]
    for errors in on_ranks(SCRIPT, "worst_errors", num_ranks, cases + singles):
        for case, error in zip(cases + singles, errors, strict=True):
            assert error < (1e-12 if case in cases else 2e-5), case


def test_a_share_gets_what_its_window_reaches_of_as_many_neighbours_as_have_it():
    none, one, two = on_ranks(SCRIPT, "messages", 3, 30, 11 + 5)
    assert none == []
    assert one == [[0, 10]]
    assert two == [[0, 5], [1, 10]]
    assert [len(found) for found in on_ranks(SCRIPT, "messages", 2, 30, 1)] == [0, 0]


def test_a_context_of_fewer_tokens_than_processes_is_refused():
    class Group:
        def size(self):
            return 4

    with pytest.raises(InvalidArgument, match=r"got 3 for 4; use fewer processes"):
        ContextShare.of(Group(), 3)
