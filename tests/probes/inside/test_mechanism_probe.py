"""The probe gives the answer that is known of its subject."""

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.probes.inside.mechanism import MechanismProbe
from probes.subjects import bare_model, goal_seeking_model, subject

FAMILY = tasks.make("dark-room", size=4, episode_length=12)


def asked_of(model):
    return subject(model, family=FAMILY, split=FAMILY.split(12, 0, validation=3))


def test_who_reads_the_goal_by_one_head_is_found_out():
    finding = MechanismProbe(episodes=12, seeds=16).measure(
        [asked_of(goal_seeking_model(2.0, 12, 2))]
    )
    attended, lost, moved = finding.evidence
    assert (attended.standing, moved.standing) == ("supported", "supported")
    assert lost.mean > 0.3, lost
    assert finding.verdict == "supported"
    assert finding.arrays == {"reading heads of known": [[0, 0]]}
    without, without_others = finding.numbers
    assert without_others.value == 0.0  # they do nothing
    assert without.value == pytest.approx(lost.mean)


def test_whose_heads_do_nothing_is_refuted():
    model = bare_model(12, num_heads=2)
    finding = MechanismProbe(episodes=6).measure([asked_of(model)])
    assert finding.verdict == "refuted"
    assert [piece.mean for piece in finding.evidence[1:]] == [0.0, 0.0]


def test_sections_show_the_loss_and_of_one_model_its_heads():
    one = asked_of(goal_seeking_model(2.0, 12, 2))
    bars, heads = MechanismProbe(episodes=4, seeds=2).measure([one]).sections
    assert bars.labels == ("known",)
    assert heads.rows == ("layer 1, head 1 (reads)", "layer 1, head 2")
    assert np.shape(heads.values) == (2, 4)
    (bars,) = MechanismProbe(episodes=2, seeds=1).measure([one, one]).sections
    assert bars.labels == ("known", "known")


def test_a_single_head_cannot_be_compared():
    with pytest.raises(InvalidArgument, match="the model has 1"):
        MechanismProbe().measure([asked_of(bare_model(12))])
