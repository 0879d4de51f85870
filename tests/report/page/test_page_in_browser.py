"""The page draws at any width and in both schemes, and scrolls sideways at none."""

from __future__ import annotations

from pathlib import Path

import pytest

from adfast.report.palette import DARK, LIGHT
from report.conftest import PHONE, OpenPage, sideways_scroll

PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
MISFITS = """[...document.querySelectorAll(".chart")].filter(
  (chart) => chart.querySelector(".main-svg").clientWidth !== chart.clientWidth).length"""
# Names in the tables of settings and provenance that go over more than one line.
BROKEN_NAMES = """[...document.querySelectorAll("dt")].filter((name) => {
  const text = document.createRange();
  text.selectNodeContents(name);
  return new Set([...text.getClientRects()].map((box) => Math.round(box.top))).size > 1;
}).map((name) => name.textContent)"""
MODEL_LINE = 'getComputedStyle([...document.querySelectorAll("#chart-returns .js-line")].at(-1))'


@pytest.mark.parametrize("width", [1280, PHONE])
def test_page_draws_without_an_error_and_without_sideways_scrolling(
    reported_run: Path, open_page: OpenPage, width: int
) -> None:
    page = open_page(reported_run / "report.html", width)
    assert page.locator(".chart .main-svg .lines").count() > 0
    assert sideways_scroll(page) == 0
    assert page.evaluate(MISFITS) == 0
    assert page.evaluate(BROKEN_NAMES) == []


def test_charts_have_their_new_width_in_the_frame_of_the_change(
    reported_run: Path, open_page: OpenPage
) -> None:
    page = open_page(reported_run / "report.html", 1280)
    for width in (600, PHONE, 1000):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(PAINTED)
        assert page.evaluate(MISFITS) == 0


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_charts_wear_the_colours_of_the_scheme(
    reported_run: Path, open_page: OpenPage, scheme: str, colours: dict[str, str]
) -> None:
    other = "light" if scheme == "dark" else "dark"
    page = open_page(reported_run / "report.html", color_scheme=other)
    page.emulate_media(color_scheme=scheme)
    page.evaluate(PAINTED)
    red, green, blue = (int(colours["model"][start : start + 2], 16) for start in (1, 3, 5))
    assert page.evaluate(f"{MODEL_LINE}.stroke") == f"rgb({red}, {green}, {blue})"
