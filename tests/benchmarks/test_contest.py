"""What counts as the same work."""

import numpy as np
import pytest

from benchmarks.contest import (
    NotEquivalent,
    require_close,
    require_equal,
    require_equal_fields,
    require_same_mean,
)


def test_equal_arrays_may_differ_in_dtype():
    require_equal("reward", np.array([0, 1], np.uint8), np.array([0.0, 1.0]))


def test_unequal_entry_is_named():
    with pytest.raises(NotEquivalent, match=r"action: .* first at \(1, 0\): subject 3, rival 4"):
        require_equal("action", [[1, 2], [3, 4]], [[1, 2], [4, 4]])


def test_other_shape_is_refused_and_not_broadcast():
    with pytest.raises(NotEquivalent, match=r"subject has shape \(2,\), rival \(2, 1\)"):
        require_equal("action", [1, 1], [[1], [1]])


def test_missing_field_is_refused():
    with pytest.raises(NotEquivalent, match="fields"):
        require_equal_fields({"action": np.zeros(2)}, {})


def test_close_has_a_bound_that_nan_never_meets():
    require_close("logits", [1.0], [1.0 + 1e-6], 1e-5)
    for wrong in (1.1, np.nan):
        with pytest.raises(NotEquivalent, match="logits: greatest difference"):
            require_close("logits", [1.0], [wrong], 1e-5)


def test_means_may_differ_by_chance_only():
    subject, rival = np.random.default_rng(0).normal(size=(2, 1000))
    require_same_mean("return", subject, rival)
    with pytest.raises(NotEquivalent, match="standard errors"):
        require_same_mean("return", subject, rival + 0.4)
