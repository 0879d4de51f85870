"""A matrix of improvements: a heat map with its numbers, and a table with their intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize

from adfast.report.palette import LIGHT, SHARE_STOPS
from adfast.runs.reproduction.matrix import Field, FilledMatrix, Matrix
from adfast.runs.reproduction.pooled import PooledPanel

STRONG = 0.6  # a colour on which white is read


def parts_of(panel: PooledPanel) -> tuple[Matrix, FilledMatrix]:
    """The matrix of a panel, and what it is filled with."""
    assert isinstance(panel.panel, Matrix), "a panel that is a matrix"
    assert panel.matrix is not None, "it was filled when it was pooled"
    return panel.panel, panel.matrix


def draw_matrix(axes: Axes, panel: PooledPanel) -> None:
    """A field for each line and column, blue for what rises in context and red for what falls."""
    matrix, filled = parts_of(panel)
    values = np.array(
        [[np.nan if one is None else one.value for one in line] for line in filled.fields]
    )
    colours = LinearSegmentedColormap.from_list("improvement", SHARE_STOPS)
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=Normalize(-1, 1), aspect="auto")
    for (line, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = LIGHT["card"] if abs(value) > STRONG else LIGHT["ink"]
            number = f"{value:.2f}"
            axes.text(column, line, number, ha="center", va="center", fontsize=6.5, color=ink)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(matrix.columns)), matrix.columns, rotation=30, ha="right")
    axes.set_yticks(np.arange(len(matrix.lines)), [line.label for line in matrix.lines])
    axes.tick_params(labelsize=7)
    axes.set_xlabel("deployed on", fontsize=8)
    axes.set_ylabel("trained on", fontsize=8)


def matrix_table(panel: PooledPanel) -> Iterator[list[str]]:
    """The lines of a table, the first of which is its head."""
    matrix, filled = parts_of(panel)
    yield ["trained on", *matrix.columns]
    for line, fields in zip(matrix.lines, filled.fields, strict=True):
        yield [
            line.label,
            *(
                field_in_words(one, is_defined=column in line.fields)
                for column, one in zip(matrix.columns, fields, strict=True)
            ),
        ]
    yield [
        "an improvement of 1, in returns",
        *("" if (scale := filled.scales[c]) is None else f"{scale:.2f}" for c in matrix.columns),
    ]


def field_in_words(found: Field | None, *, is_defined: bool) -> str:
    """The number with its interval."""
    if found is None:
        return "not run yet" if is_defined else ""
    return f"**{found.value:.2f}** ({found.low:.2f} to {found.high:.2f})"


def tasks_told(panel: PooledPanel) -> str:
    """What the fields are of, in a sentence."""
    _, filled = parts_of(panel)
    tasks = sorted({one.tasks for line in filled.fields for one in line if one is not None})
    counted = "no task yet" if not tasks else f"{tasks[0]} tasks"
    return (
        "Improvement: the last five episodes less the first, as a share of what a model that was "
        "trained there alone earns in its last five above random, with 95% intervals over "
        f"{counted} of each kind. An empty field is of an agent that is not defined there."
    )
