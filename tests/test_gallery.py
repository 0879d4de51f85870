"""The gallery: each page says of what size it is, and the index leads to all."""

import re

import pytest

from docs import gallery
from docs.gallery import EXHIBITS, SIZES, Exhibit, Made, make_gallery, placed


@pytest.fixture
def no_chromium(monkeypatch):
    monkeypatch.setattr(gallery.shutil, "which", lambda name: None)


def made_in(folder):
    """A page and a figure, as a run leaves them."""
    page, figure = folder / "report.html", folder / "figure.png"
    page.write_text("<!doctype html><html><body>\n<h1>A run</h1></body></html>")
    figure.write_bytes(b"a figure")
    return Made(page, figure)


def test_pages_say_their_size_and_the_index_leads_to_them(no_chromium, tmp_path):
    asked = []

    def make(size):
        asked.append(size)
        return made_in(tmp_path)

    site = tmp_path / "site"
    exhibits = (Exhibit("one", "One", "Of one.", make), Exhibit("two", "Two", "Of two.", make))
    assert make_gallery("small", site, exhibits) == site / "index.html"
    assert asked == ["small", "small"]
    page = (site / "one.html").read_text()
    assert SIZES["small"] in page
    assert "<h1>A run</h1>" in page
    index = (site / "index.html").read_text()
    shown = re.findall(r'(?:href|src)="(?!\.\.|data:)([^"]+)"', index)
    assert shown == ["one.html", "one.png", "two.html", "two.png"]
    assert all((site / name).is_file() for name in shown)
    assert index.count(SIZES["small"]) == 2
    make_gallery("full", site, exhibits)
    assert SIZES["full"] in (site / "one.html").read_text()
    assert SIZES["small"] not in (site / "index.html").read_text()


def test_what_is_made_before_one_fails_is_shown(no_chromium, tmp_path):
    def fail(size):
        raise KeyboardInterrupt

    site = tmp_path / "site"
    exhibits = (
        Exhibit("one", "One", "Of one.", lambda size: made_in(tmp_path)),
        Exhibit("two", "Two", "Of two.", fail),
    )
    with pytest.raises(KeyboardInterrupt):
        make_gallery("small", site, exhibits)
    assert "one.html" in (site / "index.html").read_text()
    assert not (site / "two.html").exists()


def test_a_page_without_a_body_is_refused():
    with pytest.raises(ValueError, match="<body>"):
        placed("<p>no page", "small")


def test_exhibits_have_names_of_their_own():
    assert len({one.name for one in EXHIBITS}) == len(EXHIBITS) == 7
