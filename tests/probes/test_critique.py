"""The critique: ten claims, each once, and what findings on one of them come to."""

import pytest

from adfast.probes.critique import BY_WEIGHT, CLAIMS, claims_by_weight, combined, findings_on
from adfast.probes.finding import Finding


def test_every_claim_has_its_weight():
    assert [claim.number for claim in CLAIMS] == list(range(1, 11))
    assert sorted(BY_WEIGHT) == list(range(1, 11))
    assert [claim.number for claim in claims_by_weight()][:3] == [2, 3, 5]
    assert [claim.number for claim in CLAIMS if claim.why_open] == [10]


def test_findings_on_a_claim_leave_out_what_was_not_answered():
    made = Finding(probe="p", title="t", subjects=("s",), answers=2)
    findings = {
        "one": made,
        "not": made.model_copy(update={"unanswered": "no cells"}),
        "other": made.model_copy(update={"answers": 3}),
    }
    assert list(findings_on(CLAIMS[1], findings)) == ["one"]


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [([], None), ([None], None), (["supported", None], "supported"),
     (["supported", "undecided"], "undecided"), (["undecided", "refuted", "supported"], "refuted")],
)  # fmt: skip
def test_claim_stands_by_all_and_falls_by_any(verdicts, together):
    assert combined(verdicts) == together
