"""The studies that adfast ships: their parts can be, and have names of their own."""

import pytest

from adfast.runs.recipe.methods import METHODS
from adfast.runs.reproduction.identity import counting_settings
from adfast.runs.reproduction.matrix import Matrix
from adfast.runs.reproduction.studies.catalogue import STUDIES, find_study
from adfast.runs.reproduction.study_table import StudyTable


@pytest.fixture(scope="module", params=STUDIES)
def table(request) -> StudyTable:
    return find_study(request.param)


def test_every_part_has_a_recipe(table):
    for part in table.parts.values():
        if part.row.has_method:
            settings = counting_settings(part.recipe)
            assert settings["seed"] == part.seed


def test_a_name_means_the_same_in_every_panel_and_study(table):
    rows = [row for name in STUDIES for panel in find_study(name).panels for row in panel.rows]
    for row in (row for panel in table.panels for row in panel.rows):
        assert all(other == row for other in rows if other.name == row.name)


def test_few_lines_are_drawn_together(table):
    for panel in table.panels:
        if isinstance(panel, Matrix):
            continue
        series = {row.series if panel.axis else row.name for row in panel.rows}
        assert len(series) <= 7, panel.title
        assert (panel.axis is None) == all(row.level is None for row in panel.rows)


def test_baselines_are_all_methods_that_there_are():
    rows = [row for panel in find_study("baselines").panels for row in panel.rows]
    assert {row.method for row in rows} >= set(METHODS)
    seeds = {row.name: row.seeds for row in rows}
    assert seeds["dark-room-ad"] == seeds["dark-room-ed"] == (1, 2, 3, 4, 5)
    assert seeds["dark-room-dpt"] == seeds["dark-room-heuristic-unvisited"] == (1, 2, 3)
