"""The figure and the page of a comparison: every curve is told from any other, on any screen."""

import json
import re

import pytest

import adfast
from adfast.errors import InvalidArgument
from adfast.report.axes import png
from adfast.report.comparison import write_comparison_report
from adfast.report.comparison.figure import comparison_figure
from adfast.report.comparison.series import AXES, data_in_words, series_by_axis
from adfast.report.comparison.terminal import comparison_table, verdicts_table
from adfast.report.palette import DARK, MOST_COMPARED, compared_style
from adfast.runs.comparison.record import DataSeen, read_comparison
from report.conftest import PHONE, sideways_scroll
from runs.comparison.synthetic_runs import ED, write_run, write_seeds

HOSTILE = "</script><img src=x onerror=alert(1)>&\"'$x$"
# Words of tables that stand on two lines.
BROKEN_WORDS = """[...document.querySelectorAll("tbody th")].flatMap((cell) => {
  const text = cell.firstChild
  return [...text.data.matchAll(/[a-z]+/g)].filter((word) => {
    const range = new Range()
    range.setStart(text, word.index)
    range.setEnd(text, word.index + word[0].length)
    return range.getClientRects().length > 1
  }).map((word) => word[0])
})"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison with its page, which no test changes."""
    root = tmp_path_factory.mktemp("compared")
    runs = {
        "room": write_seeds(root / "room", 1, 2, 3),
        HOSTILE: write_run(root / "expert", 1, ED, level=2.0),
    }
    adfast.compare(runs, root / "comparison", progress=False)
    write_comparison_report(root / "comparison")
    return root / "comparison"


def text_of(page):
    body = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_any_two_curves_differ_without_their_colours():
    styles = [compared_style(index) for index in range(MOST_COMPARED)]
    assert len({(style.dash, style.marker) for style in styles}) == MOST_COMPARED
    assert not {style.colour for style in styles} & {"source", "random", "optimal"}


def test_page_says_what_each_method_saw(compared):
    text = text_of((compared / "comparison.html").read_text())
    assert "3 training seeds; 17 tasks, 6.8 k transitions of 54.4 k steps of q-learning" in text
    assert "q-learning, which room learned from; one of 8 episodes, as the data keeps it" in text
    assert "room earns most, " in text
    assert "room rises in context yes +" in text
    assert "1 seed and its tasks, paired" in text
    assert "A single training seed, so intervals are over tasks alone" in text
    assert (compared / "comparison.png").stat().st_size > 10_000


def test_few_episodes_are_called_as_many_as_there_are(tmp_path):
    run = write_run(tmp_path / "room", 1, {"evaluation.episodes": 3})
    adfast.compare([run], tmp_path / "comparison", progress=False)
    page = write_comparison_report(tmp_path / "comparison").read_text()
    assert " in 3 episodes." in text_of(page)
    assert '"dtick":1' in page.replace(" ", "")


def test_page_loads_nothing_and_no_label_becomes_markup(compared):
    page = (compared / "comparison.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r"<(img|iframe|object)|<script src|<link rel=.stylesheet", page)
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', page)[1])
    assert list(charts) == [f"chart-{axis}" for axis in AXES]
    assert set(re.findall(r'"@([a-z]+)', json.dumps(charts))) <= DARK.keys()


@pytest.mark.parametrize("axis", AXES)
def test_each_axis_has_every_method_and_the_references_once(compared, axis):
    series = series_by_axis(read_comparison(compared), axis)[axis]
    names = [line.name for line in series.lines]
    in_context = axis in AXES[:2]
    assert names == [*(["source"] if in_context else []), "room", HOSTILE]
    assert [name for name, _, _ in series.levels] == ["random", "optimum"]
    figure = comparison_figure(series)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(legend) == len(names)
    assert "6.8 k transitions" in legend[-1]
    png(figure)


def test_axis_that_nothing_is_known_by_is_refused(compared):
    comparison = read_comparison(compared)
    methods = [method.model_copy(update={"training": None}) for method in comparison.methods]
    unmonitored = comparison.model_copy(update={"methods": tuple(methods)})
    with pytest.raises(InvalidArgument, match=r"axis updates: .*choose one of episodes"):
        series_by_axis(unmonitored, "updates")
    with pytest.raises(InvalidArgument, match='axis must be "episodes"'):
        series_by_axis(comparison, "steps")
    many = comparison.model_copy(update={"methods": methods * MOST_COMPARED})
    with pytest.raises(InvalidArgument, match="at most 28 methods"):
        series_by_axis(many, "episodes")


def test_data_is_told_in_words():
    assert data_in_words(None) == "learned from no data"
    own = DataSeen(tasks=65, transitions=10**8, source="itself", source_steps=10**8)
    assert data_in_words(own) == "65 tasks, 100 M environment steps of its own"
    early = DataSeen(tasks=1, transitions=20, source="ucb1", source_steps=4_000, is_bound=True)
    assert data_in_words(early) == "1 task, 20 transitions of at most 4 k steps of ucb1"
    recorded = DataSeen(tasks=2, transitions=20, source="recorded")
    assert data_in_words(recorded) == "2 tasks, 20 transitions, recorded"


def test_table_for_a_terminal_has_a_row_per_method(compared):
    table = comparison_table(read_comparison(compared))
    assert table.row_count == 2
    assert "12 episodes; random 0.40; optimum" in str(table.title)
    verdicts = verdicts_table(read_comparison(compared))
    assert next(verdicts.columns[1].cells).plain == "yes"
    assert verdicts.row_count == 3


def test_comparison_from_before_there_were_verdicts_is_drawn(compared, tmp_path):
    content = json.loads((compared / "comparison.json").read_text())
    del content["verdicts"]
    (tmp_path / "comparison.json").write_text(json.dumps(content))
    text = text_of(write_comparison_report(tmp_path).read_text())
    assert "room earns most, " in text
    assert "Verdicts" not in text


def test_page_draws_the_chosen_axis_and_does_not_scroll_sideways(compared, open_page):
    page = open_page(compared / "comparison.html", PHONE)
    page.locator("label[for=axis-seconds]").click()
    page.wait_for_selector("#chart-seconds .main-svg .lines", state="visible")
    assert page.locator("#chart-episodes").is_hidden()
    assert sideways_scroll(page) == 0
    assert page.evaluate(BROKEN_WORDS) == []
