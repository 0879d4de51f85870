"""What notebooks show is small, escaped, whole without scripts; the replay plays in its frame."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import adfast
from adfast.errors import RunError
from adfast.report.inline import finding_html
from adfast.runs.files.results import EvaluationResults
from adfast.runs.files.run_directory import RunDirectory
from adfast.runs.hooks import QUIET
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.run import Run
from report.findings import every_section

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<script>alert(1)<"
MOST = 400_000  # characters of what a notebook keeps of a run


class Elements(HTMLParser):
    """The elements of HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_run_shows_its_stages_and_curves(finished_run: Path, tmp_path: Path) -> None:
    place = shutil.copytree(finished_run, tmp_path / HOSTILE)
    run = Run(RunDirectory(place, Recipe()), QUIET)
    shown = Elements(html := run._repr_html_())
    assert "script" not in shown.names
    assert str(place) in shown.text
    assert "img" in shown.names
    assert "train" in shown.text
    assert len(html) < MOST


def test_run_in_a_folder_of_no_text_and_with_damaged_notes(
    finished_run: Path, tmp_path: Path
) -> None:
    place = shutil.copytree(finished_run, tmp_path / "\udce4\x1b")
    run = Run(RunDirectory(place, Recipe()), QUIET)
    assert b"\\udce4\\x1b</h4>" in run._repr_html_().encode()
    (place / "provenance.json").write_text("{")
    assert repr(run) == f"<Run {tmp_path}/\\udce4\\x1b: damaged notes of what is finished>"


def test_evaluation_shows_what_it_came_to_and_its_curve(finished_run: Path) -> None:
    results = EvaluationResults.read(finished_run / "evaluation.json", "")
    shown = Elements(html := results._repr_html_())
    assert shown.names == ["p", "img"]
    assert f"{results.summary.last5_mean:.1f}" in shown.text
    assert len(html) < MOST


def test_finding_shows_verdict_numbers_and_charts() -> None:
    finding = every_section().model_copy(update={"claim": HOSTILE})
    shown = Elements(finding._repr_html_())
    assert "script" not in shown.names
    assert f"supported: {HOSTILE}" in shown.text
    assert "0.25 nats (95%: 0.125 to 0.5)" in shown.text
    assert "img" in shown.names
    unanswered = finding.model_copy(update={"unanswered": "no model", "sections": ()})
    assert "Not answered: no model." in finding_html(unanswered)


def test_without_what_draws_it_says_what_to_install(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = EvaluationResults.read(finished_run / "evaluation.json", "")
    monkeypatch.setattr("adfast.notebooks.find_spec", lambda name: None)
    shown = Elements(results._repr_html_())
    assert shown.names == ["pre", "p"]
    assert 'pip install "adfast[report]"' in shown.text


def test_replay_of_no_run_says_that_there_is_none(tmp_path):
    with pytest.raises(RunError, match="nowhere holds no run"):
        adfast.replay(tmp_path / "nowhere")


def test_replay_plays_in_its_frame(finished_run: Path, browser: Browser) -> None:
    inline = adfast.replay(finished_run)
    assert len(inline.page) < 1_000_000  # the charts' library is 2.7 MB
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(f"<p>a cell</p>{inline._repr_html_()}")
    panel = page.frame_locator("iframe").locator("#replay-panel[data-step]")
    panel.wait_for(timeout=60_000)
    before = panel.get_attribute("data-step")
    panel.press("ArrowRight")
    assert panel.get_attribute("data-step") != before
    context.close()
    assert errors == []
