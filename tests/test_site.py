"""The site is built without a warning, no link on it is dead, and it fetches nothing from afar."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import get_origin
from urllib.parse import unquote, urlsplit

import pytest

import adfast

ROOT = Path(__file__).resolve().parent.parent
# What a browser fetches by itself, by the attribute that names it.
FETCHED = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
PAGES_AT_LEAST = 30


def of_the_site(test):
    """Marks a test for which the whole site is built, as `make docs` does."""
    return pytest.mark.slow(pytest.mark.thorough(test))


PUBLIC_MODULES = (
    "adfast",
    "adfast.attention",
    "adfast.family_check",
    "adfast.facts",
    "adfast.histories",
    "adfast.simulators",
    "adfast.source_algorithms",
    "adfast.tasks",
)


class Page(HTMLParser):
    """The anchors of a built page, where its links lead, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if FETCHED.get(tag) in given:
            self.fetched.append(given[FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that `make docs` fills: built once, of warnings an error."""
    folder = tmp_path_factory.mktemp("site")
    strict = ("--fail-on-warning", "--keep-going", "--quiet", "-d", folder / "doctrees")
    ended = subprocess.run(
        [sys.executable, "-m", "sphinx", *strict, ROOT / "docs", folder / "html"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    """Every page of the site, by its path."""
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def dead_links(pages: dict[Path, Page]) -> list[str]:
    """The links, and what is fetched, that lead to no file and no anchor of the site."""
    dead = []
    for path, page in pages.items():
        for target in (*page.links, *page.fetched):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            file = file / "index.html" if file.is_dir() else file
            anchor = unquote(parts.fragment)
            found = file.is_file() and (
                not anchor or file not in pages or anchor in pages[file].anchors
            )
            if not found:
                dead.append(f"{path.name}: {target}")
    return dead


@of_the_site
def test_no_link_of_the_site_is_dead(pages):
    assert len(pages) > PAGES_AT_LEAST
    assert sum(len(page.links) for page in pages.values()) > 10 * len(pages)
    assert dead_links(pages) == []


def test_dead_links_are_found(tmp_path):
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    other.write_text('<p id="here">')
    one.write_text(
        '<a href="other.html#here"></a><a href="https://example.org/x"></a><a href="#there"></a>'
        '<a href="other.html#there"></a><a href="third.html"></a><img src="picture.png">'
    )
    pages = {path: Page(path.read_text()) for path in (one, other)}
    dead = ["#there", "other.html#there", "third.html", "picture.png"]
    assert dead_links(pages) == [f"one.html: {target}" for target in dead]


def test_every_public_name_has_its_words_and_a_page():
    """As far as sources tell; what stands on the pages is asked of the built site below."""
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "api").glob("*.md"))
    named = set(re.findall(r"^\.\. auto\w+:: (\S+)\n   :members:", pages, re.MULTILINE))
    for module in map(import_module, PUBLIC_MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if not callable(value) or get_origin(value) is not None:
                continue
            assert value.__doc__, f"{module.__name__}.{name}"
            is_shown = module.__name__ in named or f"{module.__name__}.{name}" in named
            assert is_shown or getattr(adfast, name, None) is value, f"{module.__name__}.{name}"


def test_names_that_the_site_is_built_of_are_there(monkeypatch):
    """What moved is found by the suite, which does not build the site."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    ignored = {name for _, name in runpy.run_path(str(ROOT / "docs" / "conf.py"))["nitpick_ignore"]}
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "api").glob("*.md"))
    shown = set(re.findall(r"^\.\. auto\w+:: (\S+)", pages, re.MULTILINE))
    assert len(ignored) > 10
    assert len(shown) > 50
    for name in ignored | shown:
        resolve_name(name)


@of_the_site
def test_every_public_name_is_explained(pages):
    explained = {anchor for page in pages.values() for anchor in page.anchors}
    assert "adfast.train" in explained
    missing = []
    for module in map(import_module, PUBLIC_MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            places = {f"{module.__name__}.{name}"}
            if getattr(adfast, name, None) is value:
                places.add(f"adfast.{name}")
            is_alias = get_origin(value) is not None
            if callable(value) and not is_alias and not places & explained:
                missing.append(f"{module.__name__}.{name}")
    assert missing == []


@of_the_site
def test_no_class_has_a_line_of_bases_without_any(site):
    reference = "".join(path.read_text() for path in (site / "api").glob("*.html"))
    assert "<p>Bases: <" in reference
    assert "<p>Bases:</p>" not in reference


@of_the_site
def test_pages_ask_the_network_for_nothing(site, pages):
    fetched = {target for page in pages.values() for target in page.fetched}
    assert [target for target in fetched if urlsplit(target).netloc] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert styles
    assert not [style for style in styles if "url(http" in style or "@import" in style]


@of_the_site
def test_links_out_of_the_documentation_lead_into_the_repository(pages):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    begin = f"{project['urls']['Repository']}/blob/main/"
    links = {target for page in pages.values() for target in page.links}
    inside = {link for link in links if link.startswith(begin)}
    assert len(inside) > PAGES_AT_LEAST
    for link in inside:
        assert (ROOT / unquote(urlsplit(link.removeprefix(begin)).path)).is_file(), link
