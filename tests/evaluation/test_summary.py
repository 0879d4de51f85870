"""The summary's numbers, computed by hand on made-up returns."""

import json

import numpy as np
import pytest

from adfast.evaluation.in_context import InContextEvaluation
from adfast.evaluation.recorder import Trajectories
from adfast.evaluation.references import References
from adfast.evaluation.statistics import share_of_optimum
from adfast.evaluation.summary import (
    describe_references,
    describe_returns,
    describe_tasks,
    summarise,
)
from evaluation.acting import ROOM

TASK_IDS = np.array([0, 12])
OPTIMAL = np.array([7.0, 10.0])  # of the corner and of the start cell


@pytest.fixture
def evaluation():
    """Task 0 stays at 1, task 12 climbs from 0 to 9; two seeds, half above and below."""
    episodes = np.minimum(np.arange(12.0), 9)
    by_task = np.stack([np.ones(12), episodes])
    returns = by_task[:, None] + np.array([-0.5, 0.5])[:, None]
    nothing = np.zeros((2, 2, 12, 0))
    return InContextEvaluation(TASK_IDS, returns, Trajectories(*[nothing] * 5))


def test_summary_is_the_mean_over_tasks_and_seeds(evaluation):
    summary = summarise(evaluation, OPTIMAL)
    expected = (1 + np.minimum(np.arange(12.0), 9)) / 2
    np.testing.assert_allclose(summary["mean_by_episode"], expected)
    assert summary["first_episode_mean"] == 0.5
    assert summary["last5_mean"] == pytest.approx((1 + 8.4) / 2)
    assert summary["last5_share_of_optimal"] == pytest.approx((1 + 8.4) / 17)
    assert summary["last5_ci95"] == pytest.approx([1, 8.4])  # either task, or both
    assert np.shape(summary["ci95_by_episode"]) == (12, 2)
    assert len(summary["iqm_by_episode"]) == 12


def test_fewer_than_five_episodes_are_all_the_last_ones(evaluation):
    short = InContextEvaluation(TASK_IDS, evaluation.returns[:, :, :2], evaluation.trajectories)
    assert summarise(short, OPTIMAL)["last5_mean"] == pytest.approx(0.75)


def test_task_that_is_not_solved_is_seen(evaluation):
    corner, start = describe_tasks(ROOM, evaluation, OPTIMAL)
    assert corner == {
        "task_id": 0,
        "label": "row 0, column 0",
        "optimal": 7.0,
        "first_episode": 1.0,
        "last5_mean": 1.0,
        "share_of_optimal": pytest.approx(1 / 7),
        "solved": False,
    }
    assert start["solved"]
    assert start["share_of_optimal"] == pytest.approx(0.84)


def test_task_that_pays_nothing_is_solved(evaluation):
    """Such as a goal out of reach: no share of it is not a number."""
    corner, _ = describe_tasks(ROOM, evaluation, np.array([0.0, 10.0]))
    assert corner["share_of_optimal"] == 1.0
    assert corner["solved"]
    assert summarise(evaluation, np.zeros(2))["last5_share_of_optimal"] == 1.0


def test_of_tasks_that_cost_the_share_is_what_must_be_paid_of_what_was(evaluation):
    costly = InContextEvaluation(TASK_IDS, evaluation.returns - 20, evaluation.trajectories)
    corner, start = describe_tasks(ROOM, costly, np.array([-10.0, -10.0]))
    assert corner["last5_mean"] == pytest.approx(-19.0)
    assert corner["share_of_optimal"] == pytest.approx(10 / 19)
    assert not corner["solved"]
    assert start["last5_mean"] == pytest.approx(-11.6)
    assert start["share_of_optimal"] == pytest.approx(10 / 11.6)
    assert start["solved"]


@pytest.mark.parametrize(
    ("value", "optimum", "share"),
    [(6.0, 8.0, 0.75), (-8.0, -6.0, 0.75), (-6.0, -6.0, 1.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0),
     (0.0, -1.0, 1.0), (-2.0, 8.0, -0.25)],
)  # fmt: skip
def test_share_of_an_optimum(value, optimum, share):
    assert share_of_optimum(value, optimum) == pytest.approx(share)


def test_everything_is_json(evaluation):
    references = References(0.2, 9.0, np.arange(12.0), np.arange(12.0) * 2, None)
    described = {
        "summary": summarise(evaluation, OPTIMAL),
        "per_task": describe_tasks(ROOM, evaluation, OPTIMAL),
        "references": describe_references(references),
        "evaluated": describe_returns(evaluation, ROOM),
    }
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert described["references"]["ideal_learner"] is None
    assert described["evaluated"]["optimal"] == OPTIMAL.tolist()
