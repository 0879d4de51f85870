from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from adfast.report.curves import (
    MAX_POINTS,
    context_marks,
    label_anchors,
    return_curves,
    training_series,
)
from adfast.runs.files.run_record import read_run
from adfast.training.metrics import TrainingMetrics
from report.synthetic_run import EPISODES, STEPS, edit_evaluation


def metrics_of(losses: list[float]) -> tuple[TrainingMetrics, ...]:
    return tuple(
        TrainingMetrics(
            update=number,
            tokens=100 * number,
            environment_transitions=100 * number,
            seconds=0.5 * number,
            loss=loss,
            accuracy=0.5,
            learning_rate=0.1,
            validation_return=float(number) if number % 500 == 0 else None,
        )
        for number, loss in enumerate(losses, start=1)
    )


def test_curves_show_every_reference_with_the_model_on_top(finished_run: Path) -> None:
    curves = {curve.name: curve for curve in return_curves(read_run(finished_run).evaluation)}
    assert set(curves) >= {"random", "source", "source, as kept", "ideal learner", "optimum"}
    assert list(curves)[-1] == "model, held-out tasks"
    assert curves["model, held-out tasks"].band is not None
    np.testing.assert_array_equal(curves["random"].values, np.full(EPISODES, 0.247))
    assert len(curves["source, as kept"].values) == 25


def test_no_curve_is_longer_than_the_evaluation(run_copy: Path) -> None:
    edit_evaluation(run_copy, "references.source", [1.0] * 500)
    evaluation = read_run(run_copy).evaluation
    assert all(len(curve.values) <= EPISODES for curve in return_curves(evaluation))


def test_absent_references_have_no_curve(run_copy: Path) -> None:
    edit_evaluation(run_copy, "references.ideal_learner", None)
    edit_evaluation(run_copy, "train", None)
    names = [curve.name for curve in return_curves(read_run(run_copy).evaluation)]
    assert "ideal learner" not in names
    assert "model, training tasks" not in names


@pytest.mark.parametrize(
    ("trained", "field", "expected"),
    [
        (200, None, [10.0]),
        (200, 390, [10.0, 19.5]),
        (EPISODES * STEPS, EPISODES * STEPS + 1, []),
        (None, 30, [1.5]),
    ],
)
def test_marks_lie_where_the_context_passes_its_limits(
    run_copy: Path, trained: int | None, field: int | None, expected: list[float]
) -> None:
    edit_evaluation(run_copy, "trained_context_transitions", trained)
    edit_evaluation(run_copy, "receptive_field_transitions", field)
    marks = context_marks(read_run(run_copy).evaluation)
    assert [mark.episodes for mark in marks] == expected
    for mark in marks:
        whole, rest = divmod(mark.episodes, 1)
        assert mark.when == (f"in episode {whole + 1:g}" if rest else f"after episode {whole:g}")
        assert mark.explanation.lower().startswith(mark.when)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], []),
        ([0.2], [("left", 0)]),
        ([0.8], [("right", 0)]),
        ([0.25, 0.5], [("left", 1), ("left", 0)]),
        ([0.5, 0.25], [("left", 0), ("left", 1)]),
        ([0.5, 0.9], [("right", 0), ("right", 1)]),
        ([0.1, 0.9], [("left", 1), ("right", 0)]),
        ([0.5, 0.5], [("left", 0), ("left", 1)]),
    ],
)
def test_label_of_a_mark_lies_on_no_other_mark(
    shares: list[float], expected: list[tuple[str, int]]
) -> None:
    assert label_anchors(shares) == expected


def test_source_that_is_kept_whole_is_one_curve(run_copy: Path) -> None:
    edit_evaluation(run_copy, "references.source_every_kth", [1.0, 2.0])
    edit_evaluation(run_copy, "references.source", [1.0, 2.0])
    names = [curve.name for curve in return_curves(read_run(run_copy).evaluation)]
    assert "source" in names
    assert "source, as kept" not in names


@pytest.mark.parametrize("lines", [1, 2, MAX_POINTS, MAX_POINTS + 1, 3 * MAX_POINTS + 7])
def test_thinning_keeps_the_mean_and_the_validation_returns(lines: int) -> None:
    losses = np.random.default_rng(lines).random(lines)
    series = training_series(metrics_of(losses.tolist()))
    assert len(series.loss) <= MAX_POINTS
    first = losses[: series.lines_per_point]
    assert series.loss[0] == pytest.approx(first.mean())
    assert series.evaluated_update.tolist() == list(range(500, lines + 1, 500))


def test_loss_that_is_not_finite_is_counted_not_hidden() -> None:
    series = training_series(metrics_of([1.0, math.nan, math.inf, 0.5]))
    assert series.lines_not_finite == 2
    assert np.isfinite(series.loss).tolist() == [True, False, False, True]
