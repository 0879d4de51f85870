"""The figure shows every point that is finished, and how far back each can see."""

import struct

import numpy as np
import pytest

from adfast.report.axes import png
from adfast.report.palette import COLOURS, DARK, line_style
from adfast.report.sweep.charts import returns_chart
from adfast.report.sweep.figure import sweep_figure
from adfast.report.sweep.series import sweep_series
from adfast.runs.sweep.record import SweepResults
from report.sweep.synthetic_sweep import point, sweep_record


def record(**changes):
    return SweepResults.model_validate(sweep_record() | changes)


def test_first_axis_is_horizontal_and_the_others_are_lines():
    series = sweep_series(record())
    assert series.title == "attention window"
    assert series.ticks == ("20", "200", "none")
    assert series.sees == ("sees 39", "sees 399", "sees all")
    assert [line.name for line in series.level_lines] == [
        "context length 80",
        "context length 320",
    ]
    for length, line in enumerate(series.level_lines):
        np.testing.assert_array_equal(line.level, [0, 1, 2])
        expected = [point(window, length)["last5_mean"] for window in range(3)]
        np.testing.assert_allclose(line.mean, expected)
        assert (line.low < line.mean).all()
        assert (line.mean < line.high).all()


def test_other_panels_show_the_last_line_by_level_of_the_first_axis():
    series = sweep_series(record())
    assert series.group == "context length 320"
    assert [line.name for line in series.point_lines] == [
        "attention window 20",
        "attention window 200",
        "attention window none",
    ]
    for window, line in enumerate(series.point_lines):
        np.testing.assert_allclose(line.mean, point(window, 1)["mean_by_episode"])
        np.testing.assert_allclose(line.loss, point(window, 1)["history_loss"]["loss"])
        assert line.position[0] == 5
        assert line.position[-1] == 240


def test_unfinished_points_are_left_out():
    finished = [point(0, 0), point(0, 1), point(1, 0)]
    series = sweep_series(record(points=finished))
    np.testing.assert_array_equal(series.level_lines[0].level, [0, 1])
    np.testing.assert_array_equal(series.level_lines[1].level, [0])
    assert len(series.point_lines) == 1
    assert sweep_series(record(points=finished[:1])).group == "context length 80"


def test_one_axis_is_one_line():
    axes = sweep_record()["axes"][:1]
    points = [point(window, 1) | {"levels": [window]} for window in range(3)]
    series = sweep_series(record(axes=axes, points=points))
    assert [line.name for line in series.level_lines] == ["model, held-out tasks"]
    assert series.group == ""


def test_sight_is_told_only_where_the_first_axis_decides_it():
    points = sweep_record()["points"]
    points[1]["receptive_field_transitions"] = 77
    assert sweep_series(record(points=points)).sees is None


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 20])
def test_lines_differ_and_the_most_context_has_the_models_colour(count):
    styles = [line_style(index, count) for index in range(count)]
    assert len(set(styles)) == count
    assert all(style.colour in DARK for style in styles)
    if count < len(COLOURS):
        assert styles[-1].colour == "model"


def test_figure_is_wide_enough_to_print_and_names_everything():
    figure = sweep_figure(sweep_series(record()))
    returns, episodes, loss = figure.axes
    assert returns.get_xticklabels()[0].get_text() == "20\nsees 39"
    assert "receptive field" in returns.get_xlabel()
    assert episodes.get_title(loc="left") == "Return per episode\ncontext length 320"
    assert loss.get_xscale() == "log"
    header = bytes(png(figure)[:24])
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (2240, 784)


def test_categories_are_points_with_intervals_and_not_joined():
    """There is nothing between two algorithms; what has a number or no limit is a line."""
    sweep = record()
    (axis, *others) = sweep.axes
    named = axis.model_copy(
        update={"levels": tuple((f"kind {n}",) for n in range(len(axis.levels)))}
    )
    categories = sweep_series(sweep.model_copy(update={"axes": (named, *others)}))
    assert sweep_series(sweep).is_ordered
    assert not categories.is_ordered
    groups = [line.place - line.level for line in categories.level_lines]
    assert len({float(aside[0]) for aside in groups}) == len(groups)
    points = [t for t in returns_chart(categories)["data"] if t["mode"] == "markers"]
    assert len(points) == len(groups)
    assert all("error_y" in trace for trace in points)
    returns = sweep_figure(categories).axes[0]
    assert all(line.get_linestyle() == "None" for line in returns.get_lines()[: len(groups)])
