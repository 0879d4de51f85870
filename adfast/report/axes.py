"""What the PNG figures are made of: axes in the colours of the page, and their file.

Matplotlib's object interface with the Agg canvas: no global state and no display.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from adfast.printable import printable
from adfast.report.palette import LIGHT, Style

MAX_LABEL = 40  # characters
DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": (0, (6, 3)),
    "longdash": (0, (9, 3)),
    "dot": (0, (1.2, 1.8)),
    "dashdot": (0, (6, 2, 1.2, 2)),
}
# Plotly's markers as Matplotlib has them.
MARKERS = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "diamond": "D",
    "x": "X",
    "cross": "P",
    "star": "*",
}
MOST_MARKERS = 10  # on a line
PIXELS_PER_INCH = 160


def png(figure: Figure) -> memoryview:
    """`figure` as the content of a PNG file."""
    FigureCanvasAgg(figure)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=PIXELS_PER_INCH)
    return content.getbuffer()


def plain_axes(axes: Axes) -> Axes:
    """`axes` with a faint grid and no frame, in the colours of the page."""
    axes.set_facecolor(LIGHT["card"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT["rule"])
    axes.tick_params(colors=LIGHT["muted"], length=3)
    axes.grid(color=LIGHT["rule"], linewidth=0.6)
    return axes


def grid_axes(axes: Axes, rows: int, columns: int) -> Axes:
    """Axes in cells: column to the right, row downwards."""
    axes.set_facecolor(LIGHT["card"])
    axes.set_aspect("equal")
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks(np.arange(-0.5, columns), labels=[])
    axes.set_yticks(np.arange(-0.5, rows), labels=[])
    axes.grid(color=LIGHT["rule"], linewidth=0.6)
    axes.tick_params(length=0)
    axes.spines[:].set_color(LIGHT["muted"])
    return axes


def frame_cell(axes: Axes, cell: tuple[int, int], colour: str, size: float) -> None:
    """A frame of `size` cells around the middle of a cell (row, column)."""
    row, column = cell
    corner = (column - size / 2, row - size / 2)
    axes.add_patch(
        Rectangle(corner, size, size, facecolor="none", edgecolor=LIGHT[colour], linewidth=2)
    )


def draw_line(
    axes: Axes, name: str, x: np.ndarray, y: np.ndarray, style: Style, **options: Any
) -> None:
    """A line with its name for the legend, and its marker at some of its points."""
    if style.marker is not None:
        every = -(-len(x) // MOST_MARKERS)
        options = {"marker": MARKERS[style.marker], "markevery": every, "markersize": 6} | options
    axes.plot(
        x,
        y,
        color=LIGHT[style.colour],
        linestyle=DASHES[style.dash],
        label=label(name),
        **({"linewidth": 1.8} | options),
    )


def draw_levels(
    axes: Axes, levels: Iterable[tuple[str, float, str]], *, is_beside: bool = False
) -> None:
    """Levels (name, value, colour) across the axes, named above each or beside the axes."""
    for name, value, colour in levels:
        axes.axhline(value, color=LIGHT[colour], linestyle=DASHES["dash"], linewidth=1.2)
        axes.annotate(
            label(name),
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0) if is_beside else (-3, 3),
            textcoords="offset points",
            horizontalalignment="left" if is_beside else "right",
            verticalalignment="center" if is_beside else "baseline",
            fontsize=9,
            color=LIGHT["muted"],
        )


def label(name: str) -> str:
    """A name as a figure has room for it, shown to the letter: no formula, nothing unseen."""
    text = printable(name)
    if len(text) > MAX_LABEL:
        text = text[: MAX_LABEL - 1] + "\u2026"
    return text.replace("$", r"\$")


def words(text: str, width: int) -> str:
    """Words of a title or of an axis, all of them, in lines of `width` characters."""
    return "\n".join(textwrap.wrap(printable(text), width)).replace("$", r"\$")
