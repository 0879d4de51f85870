"""Sections: what a page can draw of a finding without knowing the probe, each described once.

A renderer for each medium, the page and PNG files, stands in `adfast.report`. Strings are plain
text. Where a chart's value is None, nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

Numbers = tuple[float | None, ...]


def numbers(values: Any) -> Numbers:
    """`values` `[N]` as a section holds them: None for what is not finite."""
    return tuple(float(value) if np.isfinite(value) else None for value in np.asarray(values))


class Part(BaseModel):
    """A part of a finding: frozen, with finite numbers and no further keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Paragraph(Part):
    """Text."""

    kind: Literal["paragraph"] = "paragraph"
    text: str


class Table(Part):
    """Rows of text and numbers below the names of their columns."""

    kind: Literal["table"] = "table"
    title: str = ""
    columns: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[str | float | None, ...], ...]
    caption: str = ""

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        for row in self.rows:
            require_length("a row of the table", row, self.columns)
        return self


class Level(Part):
    """A value to compare with, drawn across a chart, such as what chance would give."""

    name: str
    value: float


class Series(Part):
    """A line through `y` at `x`; `low` and `high`, given together, are the limits of a band."""

    name: str
    x: tuple[float, ...] = Field(min_length=1)
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        require_length("y", self.y, self.x)
        require_limits(self.low, self.high, self.x)
        return self


class LineChart(Part):
    """Lines over one axis, which is logarithmic with `has_log_x`."""

    kind: Literal["line-chart"] = "line-chart"
    title: str = ""
    x_label: str
    y_label: str
    series: tuple[Series, ...] = Field(min_length=1)
    levels: tuple[Level, ...] = ()
    has_log_x: bool = False
    caption: str = ""


class BarSeries(Part):
    """A bar of one colour at each label of its chart; `low` and `high` limit its interval."""

    name: str
    values: Numbers
    low: Numbers | None = None
    high: Numbers | None = None


class Bars(Part):
    """Bars side by side at each label, one of each series."""

    kind: Literal["bars"] = "bars"
    title: str = ""
    labels: tuple[str, ...] = Field(min_length=1)
    y_label: str
    series: tuple[BarSeries, ...] = Field(min_length=1)
    levels: tuple[Level, ...] = ()
    caption: str = ""

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        for series in self.series:
            require_length("values of a bar", series.values, self.labels)
            require_limits(series.low, series.high, self.labels)
        return self


class HeatMap(Part):
    """A colour for each value of rows (from the top) and columns, from `least` to `greatest`."""

    kind: Literal["heat-map"] = "heat-map"
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    value_label: str
    columns: tuple[str, ...] = Field(min_length=1)
    rows: tuple[str, ...] = Field(min_length=1)
    values: tuple[Numbers, ...]
    least: float
    greatest: float
    caption: str = ""

    @model_validator(mode="after")
    def _shape_agrees(self) -> Self:
        require_length("values", self.values, self.rows)
        for row in self.values:
            require_length("a row of values", row, self.columns)
        if not self.least < self.greatest:
            raise ValueError(f"least must be below greatest, got {self.least} and {self.greatest}")
        return self


Section = Annotated[Paragraph | Table | LineChart | Bars | HeatMap, Field(discriminator="kind")]


def require_length(name: str, values: Sized, like: Sized) -> None:
    """Raise `ValueError` unless there are as many `values` as of what they belong to."""
    if len(values) != len(like):
        raise ValueError(f"{name} must have {len(like)} entries, got {len(values)}")


def require_limits(low: Sized | None, high: Sized | None, like: Sized) -> None:
    """Raise `ValueError` unless there are both limits, or none."""
    if (low is None) != (high is None):
        raise ValueError("low and high go together: give both or neither")
    for name, limit in (("low", low), ("high", high)):
        if limit is not None:
            require_length(name, limit, like)
