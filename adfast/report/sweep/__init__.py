"""The report of a sweep: one figure and one page, from its `sweep.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_sweep_report(directory: Path) -> Path:
    """Write `sweep.png` and `sweep.html` into a sweep's directory; returns the page's path.

    Raises `RunError` where `sweep.json` is missing or damaged.
    """
    from adfast.durable import replace_files
    from adfast.report.axes import png
    from adfast.report.sweep.figure import sweep_figure
    from adfast.report.sweep.page import sweep_page
    from adfast.report.sweep.series import sweep_series
    from adfast.runs.sweep.record import read_sweep

    sweep = read_sweep(directory)
    path = directory / "sweep.html"
    figure = png(sweep_figure(sweep_series(sweep)))
    replace_files({directory / "sweep.png": [figure], path: [sweep_page(sweep)]})
    return path


__all__ = ["write_sweep_report"]
