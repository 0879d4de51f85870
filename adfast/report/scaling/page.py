"""`scale-RECIPE.md`: the figure, the claims, and for each axis its levels and its laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from adfast.report.reproduction.page import cells, header, parts_table
from adfast.report.reproduction.terminal import standing_of
from adfast.runs.reproduction.reproduction import PartState
from adfast.runs.reproduction.study_claim import ClaimVerdict
from adfast.runs.scaling.claims import recall_of_axis, verdicts_of_scaling
from adfast.runs.scaling.laws import MEASURES, Law, Measured, MeasuredAxis
from adfast.runs.scaling.study import ScaleStudy

HOW = (
    "A power law is y = scale * x^exponent, or with a floor added where Akaike's criterion for "
    "small samples asks for one (Kaplan et al. 2020; Hoffmann et al. 2022); of costs none is asked "
    "for. Errors are of logarithms. Intervals (95%) resample training seeds and, within each, "
    "tasks, the same of all levels together. The loss is that of the source's next action in the "
    "later half of held-out histories. Time is the processor's, of updates that took turns with "
    "those of the recipe itself; peak memory is that of all tensors that live at once. A dash is "
    "where fewer than three levels are done, or a value was not above 0."
)


def scaling_page(
    study: ScaleStudy,
    axes: Mapping[str, MeasuredAxis],
    states: Mapping[str, PartState],
    picture: str | None,
) -> str:
    """The page; without `picture` nothing is done of the study."""
    table, standing = study.table, standing_of(states)
    written = f"{standing[0].upper()}{standing[1:]}. Written by `adfast scale {study.recipe}`: "
    about = "[how to read it](../long-context.md#scaling)."
    lines = [f"# {table.title}", "", table.about, "", written + about, ""]
    if picture is not None:
        lines += [f"![{table.title}]({picture})", ""]
    if verdicts := list(verdicts_of_scaling(table, axes)):
        lines += ["## Claims", "", *verdict_table(verdicts), ""]
    lines += [HOW, ""]
    for title, axis in axes.items():
        lines += [f"## {title}", "", *axis_told(axis), ""]
    lines += ["## Parts", "", *parts_table(states)]
    return "\n".join(lines) + "\n"


def verdict_table(verdicts: list[ClaimVerdict]) -> Iterator[str]:
    """The claims, and below them the rules that they are judged by."""
    yield from header(("claim", "verdict", "by", "seeds"))
    for found in verdicts:
        yield cells([found.words, f"**{found.verdict}**", found.evidence, f"{found.seeds or ''}"])
    yield ""
    yield "Rules, stated before any part was made:"
    yield ""
    for rule in dict.fromkeys(found.rule for found in verdicts):
        yield f"- {rule}"


def axis_told(axis: MeasuredAxis) -> Iterator[str]:
    """Levels and laws of an axis, or what it lacks."""
    if axis.missing:
        yield f"Not run yet, or of other settings: {len(axis.missing)} parts."
        yield ""
    if not axis.seeds:
        return
    yield from level_table(axis)
    yield ""
    yield from law_table(axis)


def level_table(axis: MeasuredAxis) -> Iterator[str]:
    """A row for each level."""
    recall = recall_of_axis(axis)
    theory = () if recall is None else ("theory",)
    measures = ("loss", "time", "bytes a transition")
    yield from header((axis.panel.axis or "", "return, last five", *theory, *measures))
    returns = axis.returns()
    said = None if recall is None else recall.returns(axis.x)
    for place, x in enumerate(axis.x):
        row = [f"{x:,.0f}", told(returns, place)]
        if said is not None:
            row.append(f"{said[place]:.2f}" if np.isfinite(said[place]) else "")
        row += [told(axis.measured["loss"], place, 3), told(axis.measured["seconds"], place)]
        yield cells([*row, f"{axis.measured['bytes'].mean[place]:,.0f}"])
    yield ""
    seeds = f"{len(axis.seeds)} training seed{'s' if len(axis.seeds) > 1 else ''}"
    yield f"Random earns {axis.random:.2f}, the optimum {axis.optimum:.2f}; {seeds}."


def law_table(axis: MeasuredAxis) -> Iterator[str]:
    """The exponent and the floor of each measure."""
    yield from header(("measure", "exponent", "95%", "floor", "95%"))
    for name, title in MEASURES.items():
        law = axis.measured[name].law
        yield cells([title, *(("-", "", "", "") if law is None else law_told(law))])


def law_told(law: Law) -> tuple[str, str, str, str]:
    """Exponent and floor with their intervals."""
    low, high = (law.told(bound, 3) for bound in law.exponent_interval)
    exponent = (law.told(law.exponent, 3), f"{low} to {high}")
    if law.floor_interval is None:
        return (*exponent, "", "")
    return (*exponent, f"{law.floor:.3g}", "{:.3g} to {:.3g}".format(*law.floor_interval))


def told(measured: Measured, place: int, digits: int = 2) -> str:
    """A value with its interval."""
    low, high = measured.interval[:, place]
    return f"{measured.mean[place]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
