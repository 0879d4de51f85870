"""A study of scaling is made in parts, each with its measures, and drawn from what there is."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from adfast.report.scaling import write_scaling
from adfast.report.scaling.figure import scaling_figure
from adfast.runs.hooks import QUIET
from adfast.runs.reproduction.part_record import read_part
from adfast.runs.scaling.claims import verdict
from adfast.runs.scaling.laws import measured_axis
from adfast.runs.scaling.study import ScaleStudy
from runs.scaling.tiny_scale import write_recipe

ONE_SEED = ("seeds = 2\n\n[[", "seeds = 1\n\n[[")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny-scale")
    recipe = write_recipe(folder, ONE_SEED)
    study = ScaleStudy(str(recipe), folder / "results", folder / "runs")
    study.carry_out(QUIET, [name for name in study.table.parts if "-window-" in name])
    write_scaling(study)
    return study


def test_each_part_has_its_measures(made):
    path = made.results / "parts" / "scale-tiny-house-window-10-seed-1.json"
    scaling = read_part(path).scaling
    assert scaling.histories == 2 * 18
    assert scaling.transitions_per_update == 4 * 40
    assert len(scaling.loss_by_task) == 4
    assert np.all(np.array(scaling.loss_by_task) > 0)
    assert scaling.parameters == sum(p.numel() for p in made.run_of(
        made.table.parts["scale-tiny-house-window-10-seed-1"]).model.parameters())  # fmt: skip
    assert np.all(scaling.relative_seconds > 0)
    assert scaling.bytes_per_transition * 160 == scaling.peak_bytes


def test_what_is_done_is_not_made_again(made):
    assert made.jobs(["scale-tiny-house-window-5-seed-1"]) == []
    assert len(made.jobs()) == 3


def test_levels_are_counted_measured_and_fitted(made):
    window, tasks = (measured_axis(panel, made.states()) for panel in made.table.panels)
    assert window.x.tolist() == [5, 10, 20]
    assert (window.seeds, window.missing) == ((1,), ())
    loss = window.measured["loss"]
    assert loss.law is not None
    low, high = loss.law.exponent_interval
    assert low <= loss.law.exponent <= high
    assert np.all(loss.interval[0] <= loss.mean)
    assert np.all(loss.mean <= loss.interval[1])
    assert (tasks.seeds, len(tasks.missing)) == ((), 3)


def test_page_tells_levels_laws_claims_and_what_is_missing(made):
    page = (made.results / "scale-tiny-house.md").read_text()
    assert "3 of 6 parts done, which took " in page
    assert "![Scaling: tiny-house](scale-tiny-house.png)" in page
    assert "Window: the knee lies where theory puts it, at " in page
    assert "| loss, nats | " in page
    assert "-0.000" not in page
    assert "Not run yet, or of other settings: 3 parts." in page
    assert "[scale-tiny-house-window-5-seed-1](parts/scale-tiny-house-window-5-seed-1.json)" in page


def test_figure_has_a_column_for_each_axis_that_is_begun(made):
    axes = {p.title: measured_axis(p, made.states()) for p in made.table.panels}
    figure = scaling_figure(made.table, axes)
    assert len(figure.axes) == 4
    assert figure.axes[0].get_title(loc="left") == "Window (1 training seed)"


def test_figure_shows_every_point_of_a_row_whatever_other_axes_cost(made):
    (axis,) = (measured_axis(p, made.states()) for p in made.table.panels[:1])
    bytes_ = axis.measured["bytes"]
    dear = replace(bytes_, mean=9 * bytes_.mean, samples=9 * bytes_.samples)
    other = replace(axis, measured={**axis.measured, "bytes": dear})
    figure = scaling_figure(made.table, {"window": axis, "other": other})
    low, high = figure.axes[-1].get_ylim()
    assert low < bytes_.mean.min()
    assert high > dear.mean.max()


def test_one_training_seed_decides_nothing(made):
    axis = measured_axis(made.table.panels[0], made.states())
    found = verdict(axis, "words", "rule", "supported", "as good as it gets")
    assert found.verdict == "undecided"
    assert found.evidence.endswith("one training seed decides nothing")


def test_nothing_done_is_a_page_without_a_figure(made, tmp_path):
    study = ScaleStudy(made.recipe, tmp_path / "results", tmp_path / "runs")
    page = write_scaling(study).read_text()
    assert "0 of 6 parts done" in page
    assert "not judged yet" in page
    assert not (tmp_path / "results" / "scale-tiny-house.png").exists()


def test_parts_of_other_settings_are_left_out(made, tmp_path):
    shutil.copytree(made.results, tmp_path / "results")
    recipe = write_recipe(tmp_path, ONE_SEED, ("updates = 4", "updates = 5"))
    study = ScaleStudy(str(recipe), tmp_path / "results", tmp_path / "runs")
    window = measured_axis(study.table.panels[0], study.states())
    assert (window.seeds, len(window.missing)) == ((), 3)
