"""Evidence: its interval is Welch's, Holm's levels are those of his paper, and seeds must agree."""

import numpy as np
import pytest
from scipy import stats

from adfast.errors import InvalidArgument
from adfast.probes.evidence import evidence, holm_levels, judged, judged_together, verdict_of
from adfast.probes.finding import Finding, judged_findings

AROUND_ONE = np.array([0.8, 1.1, 0.9, 1.2, 1.0, 1.0])


def one(values, **threshold):
    return judged([evidence("e", [np.asarray(v, float) for v in values], **threshold)])[0]


def test_interval_of_one_subject_is_students():
    piece = one([AROUND_ONE], above=0.5)
    expected = stats.ttest_1samp(AROUND_ONE, 0.5).confidence_interval(0.95)
    assert (piece.low, piece.high) == pytest.approx((expected.low, expected.high))
    assert (piece.confidence, piece.standing) == (0.95, "supported")


def test_interval_of_two_subjects_is_welchs_of_half_their_sum():
    other = np.array([2.0, 2.4, 1.1, 1.9, 2.6, 2.0, 2.3])
    piece = one([AROUND_ONE, other], above=0.0)
    # The mean of two is half of a difference from the negative.
    welch = stats.ttest_ind(AROUND_ONE, -other, equal_var=False).confidence_interval(0.95)
    assert (piece.low, piece.high) == pytest.approx((welch.low / 2, welch.high / 2))


@pytest.mark.parametrize(
    ("threshold", "standing"),
    [({"above": 0.5}, "supported"), ({"above": 1.5}, "refuted"), ({"above": 1.01}, "undecided"),
     ({"below": 1.5}, "supported"), ({"below": 0.5}, "refuted")],
)  # fmt: skip
def test_standing_is_where_the_interval_lies(threshold, standing):
    assert one([AROUND_ONE], **threshold).standing == standing


def test_subject_on_the_other_side_leaves_it_undecided():
    far, other = AROUND_ONE + 9, AROUND_ONE - 1.5
    alike = one([far, far, far, far, far], above=0.0)
    assert (alike.standing, alike.is_divided) == ("supported", False)
    piece = one([far, far, far, far, other], above=0.0)
    assert piece.low > 0
    assert (piece.standing, piece.is_divided) == ("undecided", True)
    assert not one([AROUND_ONE], above=1.01).is_divided


def test_too_few_tasks_decide_nothing():
    piece = one([AROUND_ONE[:2]], above=-5.0)
    assert (piece.low, piece.high, piece.standing) == (None, None, "undecided")


def test_values_that_are_all_alike_are_certain_where_they_are_enough():
    assert stats.binomtest(6, 6).pvalue < 0.05 < stats.binomtest(5, 5).pvalue
    enough, few = one([np.ones(6)], above=0.9), one([np.ones(5)], above=0.9)
    assert (enough.standing, enough.is_alike) == ("supported", True)
    assert (few.standing, few.is_alike, few.low) == ("undecided", False, None)
    assert one([np.full(6, 0.1)], above=0.0).is_alike  # its variance, as computed, is not zero
    assert not one([AROUND_ONE], above=0.0).is_alike
    assert one([np.ones(6)], above=1.0).standing == "undecided"


def test_holms_levels():
    # The least is tested at a quarter; the second at a third fails, and the rest with it.
    assert holm_levels([0.04, 0.001, 0.02, 0.9]) == pytest.approx(
        [0.05 / 3, 0.0125] + [0.05 / 3] * 2
    )
    assert holm_levels([0.01, 0.02]) == pytest.approx([0.025, 0.05])
    assert holm_levels([]) == []


def test_who_is_judged_beside_others_needs_more():
    weak = evidence("weak", [AROUND_ONE], above=0.84)
    alone = judged([weak])[0]
    beside = judged_together(
        {"one": [weak], "others": [evidence("o", [AROUND_ONE], above=1.0)] * 9}
    )
    assert (alone.standing, beside["one"][0].standing) == ("supported", "undecided")
    assert beside["one"][0].low < alone.low
    assert len(beside["others"]) == 9


def test_order_of_claims_has_no_say_where_pieces_are_equally_sure():
    sure = [evidence("sure", [np.ones(6)], above=0.5)]
    found = judged_together({"one": sure, "other": sure})
    assert judged_together({"other": sure, "one": sure}) == found
    assert found["one"] != found["other"]  # two levels, of which each has one


def test_claim_needs_all_of_its_evidence_and_falls_with_any():
    good, bad, open_ = (one([AROUND_ONE], above=limit) for limit in (0.5, 1.5, 1.0))
    assert verdict_of([good, good]) == "supported"
    assert verdict_of([good, open_]) == "undecided"
    assert verdict_of([good, open_, bad]) == "refuted"


def test_findings_are_judged_together_and_those_without_evidence_are_left():
    fact = Finding(probe="p", title="t", subjects=("s",), verdict="supported")
    weak = evidence("weak", [AROUND_ONE], above=0.84)
    found = fact.model_copy(update={"evidence": (weak,), "verdict": None})
    both = judged_findings({"fact": fact, "one": found})
    assert (both["fact"], both["one"].verdict) == (fact, "supported")
    others = evidence("o", [AROUND_ONE], above=1.0)
    beside = judged_findings(
        {"one": found, "o": found.model_copy(update={"evidence": (others,) * 9})}
    )
    assert beside["one"].verdict == "undecided"


@pytest.mark.parametrize(
    ("values", "threshold", "words"),
    [([AROUND_ONE], {}, "one of the two"), ([AROUND_ONE], {"above": 1, "below": 2}, "one of the"),
     ([], {"above": 1}, "each task"), ([np.array([])], {"above": 1}, "each task"),
     ([np.array([1.0, np.nan])], {"above": 1}, "finite")],
)  # fmt: skip
def test_what_is_no_evidence_is_refused(values, threshold, words):
    with pytest.raises(InvalidArgument, match=words):
        evidence("e", values, **threshold)
