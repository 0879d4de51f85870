"""The C++ of ring, gather and pool on its own, plain and under sanitizers: a short form.

`make sanitize` runs the same programs for a million windows each, and the Python tests of ring and
gather in an extension built with sanitizers.
"""

from __future__ import annotations

import shutil

import pytest
from native_program import NEAR_32_BITS, build, run

pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")

# What is seen without a sanitizer is seen with one.
PLAIN = pytest.param("plain", marks=pytest.mark.thorough)


@pytest.mark.parametrize("sanitizer", [PLAIN, "address"])
def test_copies_are_exact_at_every_size_and_address(tmp_path, sanitizer):
    outcome = run(build("copy_test", tmp_path, sanitizer))
    assert outcome.is_clean, outcome


@pytest.mark.parametrize(
    "sanitizer", [pytest.param("address", marks=pytest.mark.thorough), "thread"]
)
def test_pool_visits_all_carries_exceptions_and_survives_fork(tmp_path, sanitizer):
    outcome = run(build("gather_pool_test", tmp_path, sanitizer))
    assert outcome.is_clean, outcome


@pytest.mark.parametrize("sanitizer", [PLAIN, "address", "thread"])
def test_ring_survives_forks_exceptions_and_exit_amid_traffic(tmp_path, sanitizer):
    outcome = run(build("ring_test", tmp_path, sanitizer))
    assert outcome.is_clean, outcome


@pytest.mark.parametrize(
    ("sanitizer", "num_windows"),
    [
        pytest.param("plain", 100_000, marks=pytest.mark.thorough),
        ("address", 30_000),
        ("thread", 2_000),
    ],
)
def test_no_window_is_torn_by_a_racing_writer(tmp_path, sanitizer, num_windows):
    outcome = run(build("ring_race", tmp_path, sanitizer), num_windows, 0, NEAR_32_BITS)
    assert outcome.is_clean, outcome
    counts = outcome.counts
    assert counts["windows"] >= num_windows
    assert (counts["torn"], counts["misnamed"]) == (0, 0)


def test_torn_windows_are_noticed_without_validation(tmp_path):
    """The same race finds torn windows once copies are no longer checked: it can fail."""
    program = build("ring_race", tmp_path, "plain", "ADFAST_SKIP_VALIDATION")
    for _ in range(40):  # threads that share one core overtake each other less often
        outcome = run(program, 50_000, 0, NEAR_32_BITS)
        if outcome.status == 1 and outcome.counts["torn"] > 0:
            return
    pytest.fail(f"no window was torn in 40 races, the last: {outcome}")
