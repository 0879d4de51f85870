"""The probe gives the answer that is known of its subject."""

from dataclasses import replace

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.probes.history_loss import HistoryLossProbe
from probes.subjects import repeating_model, subject


def test_who_thinks_all_actions_alike_has_the_same_loss_everywhere_and_no_gain():
    finding = HistoryLossProbe().measure([subject()])
    (chart,) = finding.sections
    for series in chart.series:
        np.testing.assert_allclose(series.y, np.log(5), rtol=1e-6)
    gain, last = finding.numbers
    assert (gain.low, gain.value, gain.high) == (0.0, 0.0, 0.0)
    assert last.value == pytest.approx(np.log(5))
    assert finding.verdict == "refuted"


def test_who_carries_something_over_from_the_episode_before_gains():
    finding = HistoryLossProbe().measure([subject(repeating_model())])
    whole, alone = finding.sections[0].series
    assert whole.y[-1] < 0.01
    # The first of the five steps of an episode is a guess.
    assert alone.y[-1] == pytest.approx(np.log(5) / 5, rel=0.02)
    assert finding.numbers[0].value == pytest.approx(np.log(5) / 5, rel=0.02)
    assert finding.verdict == "supported"


def test_what_is_required_of_a_gain_is_the_margin():
    finding = HistoryLossProbe(margin=1.0).measure([subject(repeating_model())])
    assert finding.verdict == "refuted"
    assert "above 1 nats" in finding.rule


def test_verdict_on_several_subjects_is_over_subjects():
    subjects = [subject(repeating_model(), name="one"), subject(name="two")]
    finding = HistoryLossProbe().measure(subjects)
    assert finding.subjects == ("one", "two")
    assert finding.verdict == "undecided"
    gain = finding.numbers[0]
    assert (gain.low, gain.high) == (0.0, pytest.approx(2 * gain.value))
    assert [series.name.split(":")[0] for series in finding.sections[0].series] == [
        "one",
        "one",
        "two",
        "two",
    ]


def test_what_a_subject_lacks_is_said():
    without = replace(subject(), model=None)
    with pytest.raises(InvalidArgument, match='model of its subject "known"'):
        HistoryLossProbe().measure([without])
    with pytest.raises(InvalidArgument, match="at least one subject"):
        HistoryLossProbe().measure([])
