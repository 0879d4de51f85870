from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adfast.report import write_report

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=5000",
    "--window-size=1800,900", "--dump-dom", "--hide-scrollbars",
)  # fmt: skip

# A window is at least 500 pixels wide, so that a phone's width takes a frame of its own.
FRAMES = """\
<!doctype html>
<iframe id="desktop" src="report.html" style="width:1280px;height:800px"></iframe>
<iframe id="phone" src="report.html" style="width:390px;height:800px"></iframe>
<script>
window.onload = () => setTimeout(() => {
  document.title = ["desktop", "phone"].map((name) => {
    const page = document.getElementById(name).contentDocument;
    const root = page.documentElement;
    const drawn = page.querySelectorAll(".chart .main-svg .lines").length > 0;
    return `${name} ${root.clientWidth} ${root.scrollWidth} ${drawn ? "drawn" : "empty"}`;
  }).join(", ");
}, 1000);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_page_draws_without_an_error_and_without_sideways_scrolling(
    run_copy: Path, tmp_path: Path
) -> None:
    write_report(run_copy)
    frames = run_copy / "frames.html"
    frames.write_text(FRAMES)
    finished = subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", frames.as_uri()],
        capture_output=True,
        check=True,
        text=True,
        timeout=90,
    )
    assert "CONSOLE" not in finished.stderr
    title = re.search(r"<title>(.*?)</title>", finished.stdout)
    assert title is not None
    assert title[1] == "desktop 1280 1280 drawn, phone 390 390 drawn"
