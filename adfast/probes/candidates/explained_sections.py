"""What a page shows of what candidates explain: bars by phase, a table, and who was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adfast.probes.candidates.explained import ITSELF, Explained
from adfast.probes.candidates.scoring import PHASES
from adfast.probes.finding import Quantity, quantity
from adfast.probes.sections import Bars, BarSeries, Paragraph, Table

ByName = Mapping[str, Explained]


def candidate_bars(explained: Sequence[ByName], names: Sequence[str]) -> Bars:
    """What each candidate explains before, at and after the first reward."""
    shown = [*names, *with_itself(explained)]
    series = []
    for place, phase in enumerate(PHASES):
        found = [in_phases(explained, name, slice(place, place + 1)) for name in shown]
        if any(found):
            series.append(
                BarSeries(
                    name=f"{phase} the first reward",
                    values=tuple(each and each.value for each in found),
                    low=tuple(each and each.low for each in found),
                    high=tuple(each and each.high for each in found),
                )
            )
    return Bars(
        title="What candidates explain",
        labels=tuple(shown),
        y_label="bits per step",
        series=tuple(series),
        caption=(
            "Bits per scored step more than who takes any action explains. At the first reward: in "
            "the rest of its episode. Each with a 95% interval over "
            f"{over(explained)}. Below 0 it would be better to expect any action. The bits of who "
            "acted itself are all that there is to explain."
        ),
    )


def candidate_table(explained: Sequence[ByName], names: Sequence[str]) -> Table:
    """Version, noise and bits of each candidate, the best first."""
    found = {name: in_phases(explained, name) for name in (*names, *with_itself(explained))}
    rows = []
    for name, bits in sorted(found.items(), key=lambda item: -(item[1].value if item[1] else 0)):
        if bits is not None:
            versions = " or ".join(dict.fromkeys(by[name].version for by in explained))
            noise = float(np.mean([by[name].noise for by in explained]))
            is_itself = name == ITSELF
            rows.append(
                (
                    name,
                    versions or "-",
                    "-" if is_itself else f"{noise:.3g}",
                    f"{bits.value:.3f}",
                    "-" if bits.low is None else f"{bits.low:.3f} to {bits.high:.3f}",
                    str(bits.n),
                )
            )
    steps = sum(by[names[0]].steps.sum() for by in explained)
    return Table(
        columns=("candidate", "version that fits best", "noise", "bits", "95% interval", "n"),
        rows=tuple(rows),
        caption=(
            f"Bits per scored step, of {steps:,.0f} in all; n counts {over(explained)}. Version "
            "and noise, the probability of any action in place of its own, were fitted on "
            "validation tasks."
        ),
    )


def left_out(sentence: str, reasons: Mapping[str, str]) -> Paragraph:
    """`sentence`, and which candidates are not defined."""
    told = [f"Left out: {name}, for {reason}." for name, reason in reasons.items()]
    return Paragraph(text=" ".join([sentence, *told]))


def in_phases(
    explained: Sequence[ByName], name: str, phases: slice = slice(0, 3)
) -> Quantity | None:
    """Bits per scored step; None where a subject has no such step."""
    by_subject = [by[name].per_step(phases) for by in explained]
    return quantity(name, by_subject) if all(map(len, by_subject)) else None


def with_itself(explained: Sequence[ByName]) -> tuple[str, ...]:
    """Who acted, where that is known of all subjects."""
    return (ITSELF,) if all(ITSELF in by for by in explained) else ()


def over(explained: Sequence[ByName]) -> str:
    """What intervals are over."""
    return "tasks" if len(explained) == 1 else "subjects"
