"""The probe gives the answer that is known of its subject."""

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.random_agent import RandomActions
from adfast.probes.inside.beliefs import PREFERENCE, BeliefsProbe
from adfast.probes.inside.held_beliefs import KNOWN, SEARCHING, beliefs_of
from probes.subjects import bare_model, goal_seeking_model, repeating_model, subject

SEARCHES = {"seeds": 16, "episodes": 20}


def known(model):
    family = subject().family
    return subject(model, split=family.split(6, 0, validation=2))


def test_who_goes_to_the_goal_but_searches_at_random_holds_half_of_it():
    finding = BeliefsProbe(**SEARCHES).measure([known(goal_seeking_model(1.0))])
    told, goal, cells = finding.evidence
    assert (told.standing, goal.standing) == ("supported", "supported")
    assert cells.standing == finding.verdict == "refuted"
    assert abs(cells.mean) < 0.01


def test_whom_no_push_moves_holds_nothing():
    finding = BeliefsProbe(seeds=4, episodes=6).measure([known(bare_model())])
    assert finding.verdict == "refuted"
    assert [piece.mean for piece in finding.evidence[1:]] == [0.0, 0.0]


def test_depth_is_chosen_where_a_push_does_most():
    held = beliefs_of(known(goal_seeking_model(1.0)), 8, 20)
    assert {held.pushed[phase].depth for phase in (KNOWN, SEARCHING)} == {1}  # of one layer
    assert held.told[KNOWN].best == 1
    assert len(held.told[SEARCHING].by_depth) == 2


def test_sections_compare_with_the_untrained_and_with_others():
    finding = BeliefsProbe(seeds=2, episodes=4).measure([known(repeating_model())])
    bars, lines, table = finding.sections
    assert [series.name for series in bars.series] == [
        "along the belief",
        "in a random direction",
    ]
    assert len(lines.series) == 4
    names = [row[0] for row in table.rows]
    assert names == [
        "new cells per searching step, the model",
        "new cells per searching step, a random walk",
        PREFERENCE,
    ]
    by_name = {quantity.name: quantity for quantity in finding.numbers}
    assert np.isfinite(by_name["new cells per searching step"].value)


def test_a_subject_without_a_model_is_refused():
    asked = subject(agent=RandomActions())
    with pytest.raises(InvalidArgument, match="needs the model"):
        BeliefsProbe().measure([type(asked)(**{**vars(asked), "model": None})])
