"""The report of a comparison: one figure and one page, from its `comparison.json`."""

from __future__ import annotations

from pathlib import Path


def write_comparison_report(directory: str | Path, axis: str = "episodes") -> Path:
    """Write `comparison.png` and `comparison.html` into a comparison's directory.

    Returns the page's path. `axis` is that of the figure, and the one that the page shows first:
    "episodes", "environment-steps", "updates", "seconds" or "transitions". Raises `RunError` where
    `comparison.json` is missing or damaged, and `InvalidArgument` where nothing is known by the
    axis.
    """
    from adfast.packages import require

    require("matplotlib", "plotly")
    from adfast.durable import replace_files
    from adfast.report.axes import png
    from adfast.report.comparison.figure import comparison_figure
    from adfast.report.comparison.page import comparison_page
    from adfast.report.comparison.series import series_by_axis
    from adfast.runs.comparison.record import FIGURE, PAGE, read_comparison
    from adfast.values import as_path

    place = as_path("directory", directory)
    comparison = read_comparison(place)
    series = series_by_axis(comparison, axis)
    path = place / PAGE
    figure = png(comparison_figure(series[axis]))
    page = comparison_page(comparison, series, axis)
    replace_files({place / FIGURE: [figure], path: [page]})
    return path


__all__ = ["write_comparison_report"]
