"""The lines of a study's figure: ours solid, a marker each, published ones dashed and hollow."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from adfast.report.axes import DASHES, MARKERS, label
from adfast.report.palette import COMPARED_COLOURS, LIGHT, Style
from adfast.report.palette import MARKERS as MARKERS_IN_ORDER


def style_of(index: int) -> Style:
    """The style of row `index` of a panel."""
    colour = COMPARED_COLOURS[index % len(COMPARED_COLOURS)]
    return Style(colour, "solid", MARKERS_IN_ORDER[index % len(MARKERS_IN_ORDER)])


def draw_published(axes: Axes, name: str, x: np.ndarray, y: np.ndarray, style: Style) -> None:
    """A dashed line with hollow markers in the colour of ours."""
    colour = LIGHT[style.colour]
    axes.plot(
        x,
        y,
        color=colour,
        linestyle=DASHES["dash"],
        linewidth=1.2,
        marker=MARKERS[style.marker or "circle"],
        markerfacecolor="none",
        markevery=max(1, len(x) // 5),
        markersize=6,
        label=label(name),
    )
