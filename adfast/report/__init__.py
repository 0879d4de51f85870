"""The report: one self-contained page and its figures, from the files of a run directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


DRAWN_WITH = ("matplotlib", "plotly")


def write_report(run_directory: Path) -> Path:
    """Write `report.html` and `figures/*.png` into a run directory; returns the page's path.

    Raises `RunError` where `evaluation.json` is missing or any file of the run is damaged, and
    `MissingPackage` where what draws is not installed.
    """
    from adfast.packages import require

    require(*DRAWN_WITH)
    from adfast.report.page.document import write_page

    return write_page(run_directory)


__all__ = ["write_report"]
