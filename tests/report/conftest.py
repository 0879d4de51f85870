from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adfast.report import write_report
from report.synthetic_run import write_synthetic_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PHONE = 390  # pixels, width

OpenPage = Callable[..., "Page"]
WritePage = Callable[[Path], Path]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory that no test changes."""
    return write_synthetic_run(tmp_path_factory.mktemp("runs") / "dark-room")


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """A run directory of the test's own."""
    return Path(shutil.copytree(finished_run, tmp_path / "dark-room"))


@pytest.fixture(scope="session")
def reported_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with its report, which no test changes."""
    run = Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("reported") / "dark-room"))
    write_report(run)
    return run


@pytest.fixture
def write_page_alone(monkeypatch: pytest.MonkeyPatch) -> WritePage:
    """`write_report` without the figures, which take longer than all the rest."""
    monkeypatch.setattr("adfast.report.page.document.draw_figures", lambda *_: {})
    return write_report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; tests that need it are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def opener(browser: Browser) -> Iterator[OpenPage]:
    """A function that opens a file at a width, with reduced motion unless told otherwise.

    In the end none of its pages may have logged anything, thrown, asked or requested.
    """
    complaints: list[str] = []
    contexts = []

    def open_file(path: Path, width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(
            **{
                "viewport": {"width": width, "height": 900},
                "reduced_motion": "reduce",
                "has_touch": width == PHONE,
            }
            | options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error.stack}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: complaints.append(f"request: {request.url[:80]}"))
        page.goto(path.as_uri())
        page.wait_for_selector(".chart .main-svg .lines", state="attached")
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert [line for line in complaints if not line.startswith("request: file://")] == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`opener` for one test."""
    with opener(browser) as open_file:
        yield open_file


def sideways_scroll(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width
