"""The report of a sweep: one figure and one page, from its `sweep.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_sweep_report(directory: Path) -> Path:
    """Write `sweep.png` and `sweep.html` into a sweep's directory; returns the page's path.

    Raises `RunError` where `sweep.json` is missing or damaged.
    """
    from adfast.report.sweep.figure import write_figure
    from adfast.report.sweep.page import write_page
    from adfast.report.sweep.record import read_sweep

    sweep = read_sweep(directory)
    write_figure(sweep, directory / "sweep.png")
    return write_page(sweep, directory / "sweep.html")


__all__ = ["write_sweep_report"]
