"""A finding that has a section of every kind."""

from __future__ import annotations

from adfast.probes.finding import Finding, Quantity
from adfast.probes.sections import (
    Bars,
    BarSeries,
    HeatMap,
    Level,
    LineChart,
    Paragraph,
    Series,
    Table,
)


def every_section() -> Finding:
    """The finding."""
    return Finding(
        probe="known",
        title="What is known",
        options={"margin": 0.1},
        subjects=("one", "two"),
        claim="It is so.",
        rule="Supported where it is so.",
        verdict="supported",
        numbers=(
            Quantity(name="gain", value=0.25, low=0.125, high=0.5, unit="nats"),
            Quantity(name="count", value=3),
        ),
        sections=(
            Paragraph(text="A word beforehand."),
            Table(
                title="A table",
                columns=("name", "value"),
                rows=(("first", 1.5), ("second", None)),
                caption="Of two rows.",
            ),
            LineChart(
                title="Two lines",
                x_label="age",
                y_label="share",
                series=(
                    Series(
                        name="banded", x=(1, 10, 100), y=(1, 2, 4), low=(0, 1, 3), high=(2, 3, 5)
                    ),
                    Series(name="plain", x=(1, 10, 100), y=(4, None, 1)),
                ),
                levels=(Level(name="chance", value=1.5),),
                has_log_x=True,
                caption="The line has a gap.",
            ),
            Bars(
                title="Bars",
                labels=("left", "right"),
                y_label="share",
                series=(
                    BarSeries(name="asked", values=(0.2, 0.4), low=(0.1, 0.3), high=(0.3, 0.5)),
                    BarSeries(name="chance", values=(0.1, None)),
                ),
                levels=(Level(name="half", value=0.5),),
            ),
            HeatMap(
                title="A map",
                x_label="head",
                y_label="layer",
                value_label="lift",
                columns=("1", "2", "3"),
                rows=("1", "2"),
                values=((0, 0.5, 1), (None, 0.25, 0.75)),
                least=0,
                greatest=1,
            ),
        ),
    )
