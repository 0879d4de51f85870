"""The page, the table and the figure of a study: published and ours side by side."""

import csv
import io
import shutil
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from adfast.report.reproduction import write_reproduction
from adfast.report.reproduction.figure import study_figure
from adfast.report.reproduction.level_axes import draw_by_level
from adfast.report.reproduction.lines import style_of
from adfast.report.reproduction.page import panel_table
from adfast.runs.hooks import QUIET
from adfast.runs.reproduction.pooled import PooledPanel, PooledRow, pool
from adfast.runs.reproduction.reproduction import Reproduction
from adfast.runs.reproduction.study_table import Panel, Published, Row
from runs.reproduction.tiny_study import tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn-study")
    study = Reproduction(tiny(), folder / "results", folder / "runs")
    study.carry_out(QUIET)
    write_reproduction(study)
    return study


@pytest.fixture
def copied(made, tmp_path):
    shutil.copytree(made.results, tmp_path / "results")
    return Reproduction(tiny(), tmp_path / "results", tmp_path / "runs")


def rows_of(page, heading):
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return {line.split("|")[1].strip(): line for line in lines[2:]}


def test_published_and_ours_stand_side_by_side(made):
    page = (made.results / "tiny.md").read_text()
    assert "6 of 7 parts done, which took " in page
    assert "![A tiny study](tiny.png)" in page
    rows = rows_of(page, "Methods")
    ad = pool(made.table, made.states())[0].rows[0]
    assert "1 at first, 3 in the end" in rows["ad"]
    assert f"**{ad.value:.2f}** | {ad.interval[0]:.2f} to {ad.interval[1]:.2f}" in rows["ad"]
    assert "17 tasks, 8.16 k transitions of 16.3 k steps of q-learning" in rows["ad"]
    assert "no such method yet" in rows["never"]
    assert "Random earns " in page


def test_every_number_is_traced_to_its_part(made):
    rows = rows_of((made.results / "tiny.md").read_text(), "Parts")
    record = made.states()["tiny-ed-seed-1"].record
    line = rows["[tiny-ed-seed-1](parts/tiny-ed-seed-1.json)"]
    assert record.hash in line
    assert "| done |" in line
    assert "no such method yet" in rows["tiny-never-seed-1"]


def test_table_holds_the_same(made):
    text = (made.results / "tiny.csv").read_text()
    rows = {row["row"]: row for row in csv.DictReader(io.StringIO(text))}
    ed = pool(made.table, made.states())[0].rows[1]
    assert float(rows["ed"]["value"]) == pytest.approx(ed.value, abs=1e-4)
    assert rows["never"]["missing"] == "no such method yet"
    assert rows["8"]["level"] == "8"


def test_what_is_not_there_is_said_and_the_rest_drawn(copied):
    for path in (copied.results / "parts").glob("tiny-[ew]*"):
        path.unlink()
    page = write_reproduction(copied).read_text()
    assert "not run yet" in rows_of(page, "Methods")["ed"]
    assert "not run yet" in rows_of(page, "Width")["16"]
    figure = study_figure(copied.table, pool(copied.table, copied.states()))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:2] == ["Methods (1-2 training seeds)", "While training (2 training seeds)"]


def test_nothing_done_is_a_page_without_a_figure(copied):
    shutil.rmtree(copied.results / "parts")
    page = write_reproduction(copied).read_text()
    assert "0 of 7 parts done" in page
    assert not (copied.results / "tiny.png").exists()
    assert "tiny.png" not in page


def test_training_is_drawn_by_its_steps_and_told_whether_it_has_flattened(made):
    figure = study_figure(made.table, pool(made.table, made.states()))
    axes = figure.axes[2]
    (line, _) = axes.get_lines()
    assert axes.get_xlabel() == "environment steps of training"
    assert list(line.get_xdata()) == [160 * update for update in range(1, 13)]
    page = (made.results / "tiny.md").read_text()
    assert "ad: in the last quarter of 1.92 k steps it earned " in page


def test_ours_are_solid_and_published_dashed_in_the_same_colour(made):
    figure = study_figure(made.table, pool(made.table, made.states()))
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["ad"].get_linestyle() == "-"
    assert lines["ad, published"].get_linestyle() == "--"
    assert lines["ad"].get_color() == lines["ad, published"].get_color()
    assert list(lines["ad, published"].get_ydata()[[0, -1]]) == [1.0, 3.0]
    markers = [style_of(index).marker for index in range(7)]
    assert len(set(markers)) == 7


def test_published_is_spoken_of_where_something_is(made):
    figure = study_figure(made.table, pool(made.table, made.states()))
    assert figure.get_suptitle().endswith("intervals, published dashed")
    alone = replace(made.table, panels=tuple(map(without_published, made.table.panels)))
    figure = study_figure(alone, pool(alone, made.states()))
    assert figure.get_suptitle().endswith("95% intervals")
    assert "| published |" in (made.results / "tiny.md").read_text()
    panel = PooledPanel(Panel("Alone", ()), [], None)
    assert next(panel_table(panel)).startswith("|  | ours, first episode | ours, last five |")


def without_published(panel):
    rows = tuple(replace(row, published=None) for row in panel.rows)
    return replace(panel, rows=rows, levels={})


def test_no_line_strikes_the_name_of_a_published_level_through(made):
    figure = study_figure(made.table, pool(made.table, made.states()))
    (name,) = (text for text in figure.axes[0].texts if text.get_text() == "RL2, published")
    assert name.get_bbox_patch() is not None
    assert name.get_zorder() > max(line.get_zorder() for line in figure.axes[0].get_lines())


def test_series_by_level_have_markers_of_their_own_for_print_without_colours():
    shown, published = Panel("Shown", (), axis="share"), Published("3", value=3.0)
    rows = [
        PooledRow(
            Row(name, name, "dark-room", level=level, series=name, published=published),
            (), (), None, level, (level - 1, level + 1),
        )
        for name in ("ad", "ed")
        for level in (5.0, 25.0)
    ]  # fmt: skip
    axes = Figure().add_subplot()
    draw_by_level(
        axes, PooledPanel(replace(shown, rows=tuple(row.row for row in rows)), rows, None)
    )
    ours = [bars.lines[0].get_marker() for bars in axes.containers]
    dashed = [line.get_marker() for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert len(set(ours)) == 2
    assert dashed == ours
