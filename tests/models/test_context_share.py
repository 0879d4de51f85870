"""A model on contexts that are cut over processes, beside the whole in one, gradients too."""

from pathlib import Path

import pytest

from ranks import on_ranks

SCRIPT = Path(__file__).parent / "share_ranks.py"
CASES = [
    {"attention_window": 5},
    {"attention_window": 9, "layout": "three-token", "documents": True},
    {"attention_window": [7, None], "position_encoding": "rope", "num_kv_heads": 1},
    {"attention_window": 8, "position_encoding": "partial-rope", "documents": True},
    {
        "attention_window": 7,
        "position_encoding": "learned",
        "num_learned_positions": 30,
        "layout": "three-token",
    },
    {"attention_window": None, "qk_norm": True, "norm": "post", "documents": True},
    {"attention_window": 4, "context": "set", "recomputes": True},
    {"attention_window": 100, "reads_return": True, "reads_rewards": False},
    {"attention_window": 3, "pictures": True, "frame_stack": 4},
]


# Of three, the first, the last and one between; what two do shows in training, too.
@pytest.mark.parametrize("num_ranks", [pytest.param(2, marks=pytest.mark.thorough), 3])
def test_a_model_on_shares_is_that_of_one_process(num_ranks):
    cases = [{"length": 7 * num_ranks + 1, **case} for case in CASES]
    for errors in on_ranks(SCRIPT, "worst_errors", num_ranks, cases):
        for case, error in zip(cases, errors, strict=True):
            assert error < 1e-10, case
