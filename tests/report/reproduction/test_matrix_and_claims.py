"""A matrix is a heat map, a table and rows of the CSV; a claim is told with its rule."""

import csv
import io

import pytest

from adfast.report.reproduction.csv_table import csv_table
from adfast.report.reproduction.figure import study_figure
from adfast.report.reproduction.page import study_page
from adfast.runs.reproduction.pooled import pool
from adfast.runs.reproduction.studies.catalogue import find_study
from adfast.runs.reproduction.studies.transfer_matrix import KINDS, TESTED, random_row
from runs.reproduction.studies.part_records import record, states_of

TABLE = find_study("transfer")
ROWS = {row.name: row for panel in TABLE.panels for row in panel.rows}
EVERY = len(KINDS) * TESTED


def made(part):
    """All parts but one; what was trained on improves, everywhere alike."""
    if part.row.name == "transfer-all":
        return None
    is_everywhere = part.row.name.startswith("transfer-") and "-in-" not in part.row.name
    last = 1.0 if part.row.name == random_row().name else 3.0
    return record(part, 1.0, last, noise=0.1, random=1.0, tasks=EVERY if is_everywhere else TESTED)


@pytest.fixture(scope="module")
def drawn():
    states = states_of(ROWS.values(), made)
    return states, pool(TABLE, states)


def test_page_has_the_matrix_and_the_claim(drawn):
    states, panels = drawn
    page = study_page(TABLE, panels, states, "transfer.png")
    lines = page.splitlines()
    head = lines.index("| trained on | " + " | ".join(KINDS) + " |")
    assert lines[head + 2].startswith("| dark-room | **1.00** (")
    all_eight = next(line for line in lines if line.startswith("| all eight |"))
    assert all_eight.count("not run yet") == len(KINDS)
    heuristic = next(line for line in lines if line.startswith("| heuristic | **"))
    assert heuristic.endswith("|  |  |  |  |")
    scale = next(line for line in lines if line.startswith("| an improvement of 1"))
    assert scale.count("2.00") == len(KINDS)
    assert f"over {TESTED} tasks of each kind" in page
    assert "## Claim 5 of the critique" in page
    assert "**Undecided**: improvement: 1.00 (" in page
    assert "5 seeds, 60 tasks." in page


def test_csv_has_a_row_for_each_field(drawn):
    _, panels = drawn
    rows = list(csv.DictReader(io.StringIO(csv_table(panels).decode())))
    fields = [row for row in rows if row["measure"] == "improvement"]
    assert {row["level"] for row in fields} == set(KINDS)
    of_bandit = [row for row in fields if (row["row"], row["level"]) == ("bandit", "bandit")]
    assert [float(row["value"]) for row in of_bandit] == [1.0, 1.0]
    missing = [row for row in rows if row["row"] == "all eight" and row["missing"]]
    assert len(missing) == len(KINDS)


def test_heat_map_says_its_numbers(drawn):
    _, panels = drawn
    figure = study_figure(TABLE, panels)
    maps = [axes for axes in figure.axes if axes.images]
    assert len(maps) == 2
    assert [text.get_text() for text in maps[0].get_xticklabels()] == list(KINDS)
    assert {text.get_text() for text in maps[0].texts} == {"1.00"}
    labels = [text.get_text() for text in maps[0].get_yticklabels()]
    assert labels[0] == "dark-room"
    assert labels[-1] == "heuristic, corrected"


def test_of_nothing_there_is_a_page_that_says_so():
    states = states_of(ROWS.values(), lambda part: None)
    panels = pool(TABLE, states)
    assert study_figure(TABLE, panels) is None
    page = study_page(TABLE, panels, states, None)
    assert "**Not judged yet**: 30 of 30 parts are missing." in page
    assert "no task yet of each kind" in page
