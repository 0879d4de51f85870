"""The report: one self-contained page and its figures, from the files of a run directory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adfast.report.inline import Inline
    from adfast.runs.hooks import RunHooks
    from adfast.runs.run import Run

DRAWN_WITH = ("matplotlib", "plotly")


def write_report(
    run: Run | str | Path, *, again: bool = True, hooks: RunHooks | None = None
) -> Path:
    """Write `report.html` and `figures/*.png` into a run's directory; returns the page's path.

    Of a `Run` it is a stage like the others: noted as finished, with how long it took, and passed
    over where it is finished unless it is to be written `again`. Of a path
    the page alone is written, whatever the directory holds beside `evaluation.json`. Raises
    `RunError` where that is missing or any file of the run is damaged, and `MissingPackage` where
    what draws is not installed.
    """
    from adfast.packages import require

    require(*DRAWN_WITH)
    from adfast.report.page.document import write_page
    from adfast.runs.run import Run
    from adfast.values import as_path, require_kind

    if isinstance(run, str | bytes | Path):
        return write_page(as_path("run", run))
    require_kind("run", run, Run, "a Run, or the path of its directory")
    hooks = hooks or run.hooks
    with run.locked():
        if not again and run.directory.is_finished("report"):
            hooks.say("report", f"finished before, in {run.path}")
            return run.directory.report
        run.directory.require("evaluate")
        run.require_all_metrics()
        started = time.perf_counter()
        with hooks.progress("report", 1, "page") as bar:
            page = write_page(run.path)
            bar.advance_to(1)
        run.directory.record_stage("report", time.perf_counter() - started)
    return page


def draw_findings(directory: Path) -> Path:
    """Write the page that shows what probes found: a run's own, of several runs `probes.html`."""
    from adfast.packages import require
    from adfast.runs.files.run_files import SETTINGS
    from adfast.runs.run import Run

    if (directory / SETTINGS).is_file():
        run = Run.open(directory)
        if run.directory.is_finished("evaluate"):
            return write_report(run)
    require(*DRAWN_WITH)
    from adfast.report.page.document import write_findings_page

    return write_findings_page(directory)


def replay(run: Run | str | Path) -> Inline:
    """The replay of an evaluated run, shown by a notebook in a frame.

    Raises `RunError` where there is no run and before it is evaluated, `MissingPackage` where what
    draws is not installed.
    """
    from adfast.packages import require

    require(*DRAWN_WITH)
    from adfast.report.inline import inline_replay
    from adfast.runs.run import Run
    from adfast.values import as_path

    return inline_replay(run.path if isinstance(run, Run) else as_path("run", run))


__all__ = ["draw_findings", "replay", "write_report"]
