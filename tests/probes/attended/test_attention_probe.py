"""The probe gives the answer that is known of its subject."""

import numpy as np
import pytest

from adfast.probes.attended.attention import AttentionProbe, spread
from probes.subjects import reward_seeking_model, subject, trajectories


def measured(strength, **options):
    known = subject(reward_seeking_model(strength), trajectories=trajectories())
    return AttentionProbe(**options).measure([known])


def test_who_looks_at_all_alike_has_its_share_by_chance():
    finding = measured(0.0)
    (excess,) = finding.numbers
    assert [excess.low, excess.value, excess.high] == pytest.approx([0.0] * 3, abs=1e-6)
    assert finding.verdict == "refuted"
    attention, chance = finding.sections[0].series
    np.testing.assert_allclose(attention.values, chance.values, rtol=1e-5)


def test_who_looks_at_rewards_is_found_out():
    finding = measured(40.0)
    assert finding.verdict == "supported"
    attention, chance = finding.sections[0].series
    assert attention.values[0] > 0.99
    # From the sixth moment on, every fifth one shows a reward: the first of an episode.
    in_view = [(query // 5) / (query + 1) for query in range(5, 40)]
    assert chance.values[0] == pytest.approx(np.mean(in_view))


def test_what_is_required_of_an_excess_is_the_margin():
    assert measured(40.0, margin=0.9).verdict == "refuted"


def test_latest_moments_add_up_to_all():
    _, chart = measured(0.0).sections
    (line,) = chart.series
    assert line.x[-1] == 40
    assert line.y[-1] == pytest.approx(1.0)
    assert list(line.y) == sorted(line.y)


def test_few_choices_stand_for_all():
    assert measured(0.0, queries=3).numbers[0].value == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_array_equal(spread(10, 3), [0, 4, 9])
    np.testing.assert_array_equal(spread(2, 3), [0, 1])


def test_nothing_is_decided_where_nothing_was_ever_rewarded():
    known = subject(reward_seeking_model(40.0), trajectories=trajectories(rewarded=False))
    finding = AttentionProbe().measure([known])
    assert finding.verdict == "undecided"
    assert finding.sections == ()


def test_several_subjects_stand_side_by_side():
    subjects = [
        subject(reward_seeking_model(strength), name=f"s{strength}", trajectories=trajectories())
        for strength in (0.0, 40.0)
    ]
    bars, lines = AttentionProbe().measure(subjects).sections
    assert bars.labels == ("s0.0", "s40.0")
    assert [series.name for series in lines.series] == ["s0.0, layer 1", "s40.0, layer 1"]
