"""A finding is whole after a file, and holds nothing that cannot be drawn."""

import numpy as np
import pytest
from pydantic import ValidationError

from adfast.probes.catalogue import PROBES
from adfast.probes.evidence import evidence
from adfast.probes.finding import Finding, Quantity, quantity
from adfast.probes.sections import Bars, BarSeries, HeatMap, LineChart, Paragraph, Series, Table

SECTIONS = (
    Paragraph(text="Words."),
    Table(columns=("a", "b"), rows=(("x", 1.5), (None, -2.0))),
    LineChart(x_label="x", y_label="y", series=(Series(name="s", x=(1, 2), y=(None, 3.0)),)),
    Bars(labels=("p",), y_label="y", series=(BarSeries(name="s", values=(2.0,)),)),
    HeatMap(
        value_label="v", columns=("a", "b"), rows=("r",), values=((1, None),), least=0, greatest=1
    ),
)


def test_finding_is_whole_after_json():
    finding = Finding(
        probe="known",
        title="Known",
        subjects=("one",),
        verdict="undecided",
        answers=2,
        evidence=(evidence("e", [np.arange(6.0)], above=1.0, unit="nats"),),
        numbers=(Quantity(name="n", value=1.0, low=0.5, high=2.0, unit="nats"),),
        arrays={"edges": [0, 1], "matrix": [[1.0], [2.0]]},
        sections=SECTIONS,
    )
    assert Finding.model_validate_json(finding.model_dump_json()) == finding


def test_version_that_is_not_known_is_refused():
    with pytest.raises(ValidationError, match="version"):
        Finding(version=2, probe="p", title="t", subjects=())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Series(name="s", x=(1.0,), y=(1.0, 2.0)),
        lambda: Series(name="s", x=(1.0,), y=(1.0,), low=(0.0,)),
        lambda: Series(name="s", x=(1.0,), y=(float("nan"),)),
        lambda: Table(columns=("a",), rows=((1.0, 2.0),)),
        lambda: Bars(labels=("p",), y_label="y", series=(BarSeries(name="s", values=()),)),
        lambda: Quantity(name="n", value=1.0, low=0.5),
        lambda: SECTIONS[4].model_validate(SECTIONS[4].model_dump() | {"least": 1.0}),
        lambda: SECTIONS[4].model_validate(SECTIONS[4].model_dump() | {"rows": ("r", "s")}),
    ],
)
def test_section_that_cannot_be_drawn_is_refused(make):
    with pytest.raises(ValidationError):
        make()


def test_interval_is_over_tasks_of_one_subject_and_over_several_subjects():
    spread, constant = np.array([0.0, 0.0, 12.0, 12.0]), np.array([4.0, 4.0])
    one = quantity("n", [spread])
    assert (one.value, one.low, one.high) == (6.0, 0.0, 12.0)
    several = quantity("n", [spread, constant, constant])
    assert several.value == pytest.approx(14 / 3)
    assert (several.low, several.high) == (4.0, 6.0)


def test_two_values_make_no_interval():
    few = quantity("n", [np.array([5.0, 6.0, 7.0]), np.array([5.0, 6.0, 7.0])])
    assert (few.value, few.low, few.high) == (6.0, None, None)
    assert (few.n, few.by_subject) == (2, (6.0, 6.0))


def test_shipped_probes_say_what_they_claim_and_how_it_is_judged():
    assert {"attention", "history-loss"} <= set(PROBES.names())
    for name in PROBES.names():
        probe = PROBES.make(name)
        assert probe.title
        assert probe.claim.endswith(".")
        assert "upported where" in probe.rule
