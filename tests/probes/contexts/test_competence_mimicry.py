"""The probe tells who acts as badly as what it has read, by agents of which that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adfast import CollectionConfig, ModelConfig, Transformer, source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.probes.contexts.competence_mimicry import EXPECTED, WAYS, CompetenceMimicry
from adfast.probes.contexts.competence_sections import slopes
from probes.subjects import subject

FAMILY = tasks.make("dark-room")
SPLIT = FAMILY.split(8, seed=0)


def known(name: str, **changes):
    options = {
        "source-algorithm": {"algorithm": "q-learning"},
        "memorised-goal": {"training_tasks": tuple(SPLIT.train.tolist())},
    }.get(name, {})
    asked = subject(
        family=FAMILY,
        split=SPLIT,
        source=source_algorithms.make("q-learning"),
        collection=CollectionConfig(episodes=200, held_out=8),
    )
    agent = AGENTS.make(name, **options)
    return replace(asked, **({"name": name, "model": None, "agent": agent} | changes))


@pytest.mark.parametrize(("name", "verdict"), EXPECTED.items())
def test_agents_of_a_known_kind_are_told(name, verdict):
    finding = CompetenceMimicry(seeds=4).measure([known(name)])
    assert finding.verdict == verdict
    assert "no temperature" in finding.sections[1].text


def test_slope_is_one_for_a_mimic_and_none_for_the_heuristic():
    mimic, heuristic = (
        CompetenceMimicry(seeds=4).measure([known(name)]).evidence
        for name in ("competence-mimic", "heuristic")
    )
    for piece in mimic[:2]:
        assert piece.mean == pytest.approx(1.0, abs=0.15)
    for piece in heuristic[:2]:
        assert piece.mean == pytest.approx(0.0, abs=1e-9)


def test_slope_is_that_of_least_squares():
    generator = np.random.default_rng(0)
    shown, after = generator.random((2, 3, 4, 3))
    expected = [np.polyfit(x.ravel(), y.ravel(), 1)[0] for x, y in zip(shown, after, strict=True)]
    np.testing.assert_allclose(slopes(shown, after), expected)


def test_ways_of_sampling_are_tried_of_a_model():
    model = Transformer(ModelConfig(num_layers=1, width=8), FAMILY.transition_schema, seed=0)
    asked = known("random", model=model, agent=None)
    probe = CompetenceMimicry(seeds=2)
    seen = probe.observe(asked, np.arange(2))
    assert seen["sampled"].shape == seen["entropy"].shape == (8, 2, 3, len(WAYS))
    table = probe.judge([asked], [seen]).sections[1]
    assert [row[0] for row in table.rows][:2] == ["temperature 0", "temperature 0.25"]
    assert table.rows[0][-1] == 0.0


def test_seeds_are_judged_in_parts_of_any_number():
    probe, agent = CompetenceMimicry(seeds=2), known("random")
    seen = probe.observe(agent, np.arange(4))
    assert seen["alone"].shape == (8, 4, 3)
    assert seen["demonstrated"].shape == (8, 2, 5)
    later = probe.judge([agent], [{name: values[:, 2:] for name, values in seen.items()}])
    assert [series.name for series in later.sections[0].series][1:] == [
        "one stage alone",
        "the same six episodes, a stage last",
    ]
    first = probe.observe(agent, np.arange(2))
    for name in ("shown", "alone", "last"):
        np.testing.assert_array_equal(seen[name][:, :2], first[name])


def test_source_that_is_never_bad_needs_another_learner():
    expert = known("heuristic", source=source_algorithms.make("optimal"))
    with pytest.raises(InvalidArgument, match=r"competence-mimicry\.algorithm=q-learning"):
        CompetenceMimicry(seeds=1).measure([expert])
    assert CompetenceMimicry(seeds=2, algorithm="q-learning").measure([expert]).verdict


def test_family_without_cells_and_subject_without_source_are_refused():
    with pytest.raises(InvalidArgument, match="a room in which one cell pays"):
        CompetenceMimicry().measure([known("random", family=tasks.make("bandit"))])
    with pytest.raises(InvalidArgument, match="the source of its subject"):
        CompetenceMimicry().measure([known("random", source=None)])
