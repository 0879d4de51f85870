"""Calibration: agents of known kind are counted rightly; mixtures are seen from some share on."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.random_agent import RandomActions
from adfast.probes import calibration
from adfast.probes.calibration import Calibration, mean_evidence, mixture
from adfast.probes.evidence import evidence
from adfast.probes.probe import BehaviouralProbe
from probes.subjects import subject


class Kind(BehaviouralProbe):
    """Is it of the first kind? Whoever is called so shows a one, with some noise, others a zero."""

    title: ClassVar[str] = "Kind"
    claim: ClassVar[str] = "It is of the first kind."
    expected: ClassVar = {"first": "supported", "second": "refuted", "third": None}
    noise: float = 0.1

    def observe(self, subject, seeds):
        draws = np.random.default_rng(seeds).normal(0, self.noise, (6, len(seeds)))
        return {"shown": (subject.settings["evaluation"]["agent"] == "first") + draws}

    def judge(self, subjects, observed):
        shown = [each["shown"].mean(axis=1) for each in observed]
        return self.finding(subjects, evidence=[evidence("shown", shown, above=0.5)])


def asked(*names, splits=1, noise=0.1, monkeypatch=None, **options):
    bare = replace(subject(), model=None, agent=RandomActions())
    subjects = [
        replace(bare, name=f"{name} {split}", settings={"evaluation": {"agent": name}})
        for name in names
        for split in range(splits)
    ]
    monkeypatch.setattr(calibration.PROBES, "make", lambda name: Kind(noise=noise))
    return Calibration(probe="kind", **options).measure(subjects)


def test_agents_are_counted_on_all_their_splits(monkeypatch):
    found = asked("first", "second", "third", splits=3, repeats=10, monkeypatch=monkeypatch)
    assert found.verdict == "supported"
    assert found.arrays == {"first": [10, 0, 0], "second": [0, 10, 0], "third": [0, 10, 0]}
    assert found.sections[0].rows[2][1] == "not asked"


def test_who_is_wrong_is_not_right(monkeypatch):
    monkeypatch.setattr(Kind, "expected", {"first": "refuted", "second": "refuted"})
    found = asked("first", "second", repeats=6, monkeypatch=monkeypatch)
    assert found.verdict == "refuted"
    assert len(found.sections) == 1  # nobody of whom the claim is true: no mixtures


def test_undecided_is_not_right_either(monkeypatch):
    found = asked("first", "second", noise=9.0, repeats=20, monkeypatch=monkeypatch)
    assert found.verdict == "refuted"
    assert found.arrays["first"][2] > 10


def test_mixture_is_seen_from_the_share_on_that_its_evidence_needs(monkeypatch):
    found = asked("first", "second", repeats=40, monkeypatch=monkeypatch)
    seen = {series.name: np.array(series.y) for series in found.sections[1].series}
    assert (seen["supported"][0], seen["supported"][-1]) == (0.0, 1.0)
    assert (np.diff(seen["supported"]) >= -0.1).all()
    assert "first in 90% of the environments" in found.sections[2].text


def test_evidence_that_some_findings_lack_is_averaged_over_the_others():
    kind = Kind()
    none, one = kind.finding([subject()]), kind.judge([subject()], [{"shown": np.ones((6, 2))}])
    assert mean_evidence([none, one, one]) == [1.0]
    assert mean_evidence([none]) == []


def test_mixture_takes_whole_environments():
    one, other = {"a": np.ones((5, 40, 3))}, {"a": np.zeros((5, 40, 3))}
    mixed = mixture(one, other, 0.3, 1)["a"]
    assert set(mixed.mean(axis=2).ravel()) == {0.0, 1.0}
    assert 0.15 < mixed.mean() < 0.45
    np.testing.assert_array_equal(mixture(one, other, 1.0, 1)["a"], one["a"])
    np.testing.assert_array_equal(mixture(one, other, 0.0, 1)["a"], other["a"])
    np.testing.assert_array_equal(mixed, mixture(one, other, 0.3, 1)["a"])


def test_probe_that_is_not_of_behaviour_is_refused():
    bare = replace(subject(), model=None, agent=RandomActions())
    with pytest.raises(InvalidArgument, match="history-loss"):
        Calibration(probe="history-loss").measure([bare])
    with pytest.raises(InvalidArgument, match="the agent of its subject"):
        Calibration().measure([subject()])
