"""Training on contexts that are cut over processes, beside one process."""

from pathlib import Path

import pytest

from ranks import on_ranks

SCRIPT = Path(__file__).parent / "context_ranks.py"


@pytest.mark.parametrize("num_ranks", [2, 3])
def test_fifty_updates_are_those_of_one_process(num_ranks):
    cases = [
        ("float64", {"optimizer": "adamw"}),
        ("float32", {"optimizer": "adamw"}),
        ("float32", {"optimizer": "muon"}),
    ]
    bounds = (1e-9, 1e-5, 1e-5)
    every_rank = on_ranks(SCRIPT, "beside_one_process", num_ranks, cases)
    assert all(found == every_rank[0] for found in every_rank)
    for case, bound, found in zip(cases, bounds, every_rank[0], strict=True):
        assert found["error"] < bound, case
        assert found["last"] < found["first"] - 0.01, case
