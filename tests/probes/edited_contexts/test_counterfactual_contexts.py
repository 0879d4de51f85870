"""The probe tells the heuristic from learners, by agents of which that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.catalogue import AGENTS
from adfast.probes.edited_contexts.counterfactual_contexts import (
    EXPECTED,
    JUDGED,
    CounterfactualContexts,
)
from adfast.probes.edited_contexts.edit_effects import EDITS, NOWHERE, avoidance
from adfast.probes.edited_contexts.edits import ALL, ILLEGAL, LEGAL
from probes.subjects import subject

FAMILY = tasks.make("dark-room")
OPTIONS = {"source-algorithm": {"algorithm": "q-learning"}}


def known(name: str):
    split = FAMILY.split(16, seed=0)
    options = OPTIONS.get(name, {})
    if name == "memorised-goal":
        options = {"training_tasks": tuple(split.train.tolist())}
    return replace(
        subject(family=FAMILY, split=split, source=source_algorithms.make("q-learning")),
        name=name,
        model=None,
        agent=AGENTS.make(name, **options),
    )


@pytest.mark.parametrize(("name", "verdict"), EXPECTED.items())
def test_agents_of_a_known_kind_are_told(name, verdict):
    assert CounterfactualContexts().measure([known(name)]).verdict == verdict


def test_what_is_no_history_of_a_task_is_shown_apart_and_left_out_where_it_is_refused():
    probe = CounterfactualContexts(seeds=3)
    heuristic, posterior = (
        probe.observe(known(name), np.arange(3)) for name in ("heuristic", "posterior-sampling")
    )
    assert set(heuristic) == set(posterior) >= set(ALL)
    assert not any((heuristic[name] == NOWHERE).any() for name in ALL)
    refused = {name for name in ALL if (posterior[name] == NOWHERE).any()}
    assert {*ILLEGAL} <= refused <= {*ILLEGAL, "search-alone"}
    table = probe.judge([known("posterior-sampling")], [posterior]).sections[1]
    assert [row[2] is None for row in table.rows] == [name in ILLEGAL for name in EDITS]


def test_heuristic_goes_to_the_last_reward_by_a_shortest_way():
    probe = CounterfactualContexts(seeds=3)
    seen = probe.observe(known("heuristic"), np.arange(3))
    for name in ("moved", "doubled", "reversed", "shuffled", "spliced-last"):
        there = seen[name] == seen[EDITS[name].cell]
        goes = there.any(axis=-1)
        assert goes.mean() > 0.9
        if name in LEGAL:
            rows, columns = np.divmod(seen[EDITS[name].cell][..., 0], FAMILY.size)
            distance = np.abs(rows - 4) + np.abs(columns - 4)
            np.testing.assert_array_equal(1 + there.argmax(axis=-1), np.maximum(distance, 1))


def test_seeds_are_judged_in_parts_of_any_number():
    probe, agent = CounterfactualContexts(seeds=2), known("random")
    seen = probe.observe(agent, np.arange(4))
    assert seen["moved"].shape == (16, 4, FAMILY.episode_length)
    assert seen["base"].shape == (16, 2, FAMILY.episode_length)
    first = probe.observe(agent, np.arange(2))
    for name in JUDGED:
        np.testing.assert_array_equal(seen[name][:, :2], first[name])
    later = probe.judge([agent], [{name: values[:, 2:] for name, values in seen.items()}])
    assert later.verdict == "refuted"
    assert [row[2] is None for row in later.sections[1].rows] == [
        name not in JUDGED for name in EDITS
    ]


def test_avoidance_is_a_half_for_all_cells_alike_and_one_for_who_keeps_away():
    entered = np.zeros((1, 2, 9), bool)
    entered[0, 0, :3] = entered[0, 1, 3:6] = True
    seen = {"entered": entered, "unseen": np.full((1, 2, 1), 8)}
    away = np.array([[[3, 4, 8], [0, 1, 7]]])
    assert avoidance({**seen, "erased": away}).tolist() == [1.0]
    assert avoidance({**seen, "erased": away[:, ::-1]}).tolist() == [0.0]
    assert avoidance({**seen, "erased": np.array([[[0, 3, 8], [2, 5, 6]]])}).tolist() == [0.5]
    assert avoidance({**seen, "erased": np.full((1, 2, 3), 8)}).tolist() == [0.5]


def test_contexts_that_cannot_be_built_are_refused():
    with pytest.raises(InvalidArgument, match="a room in which one cell pays"):
        CounterfactualContexts().measure([replace(known("random"), family=tasks.make("bandit"))])
