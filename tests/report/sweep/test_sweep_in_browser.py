"""The page of a sweep draws on a desktop and on a phone, and scrolls sideways on neither."""

import json
import re
import shutil
import subprocess

import pytest

from adfast.report.sweep import write_sweep_report
from adfast.report.sweep.record import FILE_NAME
from report.sweep.synthetic_sweep import sweep_record

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=5000",
    "--window-size=1800,900", "--dump-dom", "--hide-scrollbars",
)  # fmt: skip
FRAMES = """\
<!doctype html>
<iframe id="desktop" src="sweep.html" style="width:1280px;height:800px"></iframe>
<iframe id="phone" src="sweep.html" style="width:390px;height:800px"></iframe>
<script>
window.onload = () => setTimeout(() => {
  document.title = ["desktop", "phone"].map((name) => {
    const page = document.getElementById(name).contentDocument;
    const drawn = [...page.querySelectorAll(".chart")].filter((c) => c.querySelector(".lines"));
    return `${name} ${page.documentElement.scrollWidth} ${drawn.length} drawn`;
  }).join(", ");
}, 1000);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_page_draws_without_an_error_and_without_sideways_scrolling(tmp_path):
    (tmp_path / FILE_NAME).write_text(json.dumps(sweep_record()))
    write_sweep_report(tmp_path)
    frames = tmp_path / "frames.html"
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
    assert title[1] == "desktop 1280 3 drawn, phone 390 3 drawn"
