"""How figures are written, the same in the terminal and in the README."""

from __future__ import annotations

from benchmarks.record import BarRecord, ContenderRecord, Measurement, Quartiles

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def three_digits(value: float) -> str:
    """`value` with three significant digits and thousands separated."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.{1 if abs(value) >= 10 else 2}f}"


def scaled(value: float) -> str:
    """`value` with three digits and the prefix that suits it: `12.3 M`."""
    for factor, prefix in PREFIXES:
        if abs(value) >= factor:
            return f"{three_digits(value / factor)} {prefix}"
    return three_digits(value)


def rate_of(contender: ContenderRecord, measurement: Measurement) -> str:
    """The median rate in the workload's unit per second; of a start its time instead."""
    if measurement.layer == "start_up":
        return f"{1 / contender.rate.median:.3f} s"
    return scaled(contender.rate.median)


def unit_of(measurement: Measurement) -> str:
    """What the rates count: `transitions/s`, with the bytes of each where they matter."""
    if measurement.layer == "start_up":
        return "a start"
    unit = f"{measurement.unit}/s"
    if measurement.bytes_per_unit is not None:
        unit += f" of {measurement.bytes_per_unit:,.0f} B"
    return unit


def bandwidth_of(measurement: Measurement) -> str:
    """The subject's bytes per second, where they matter."""
    if measurement.bytes_per_unit is None:
        return ""
    return f"{scaled(measurement.subject.rate.median * measurement.bytes_per_unit)}B/s"


def ratio_of(advantage: Quartiles) -> str:
    """`12.3x (12.1 to 12.5)`: the median and the quartiles."""
    lower, median, upper = (
        three_digits(q) for q in (advantage.lower, advantage.median, advantage.upper)
    )
    return f"{median}x ({lower} to {upper})"


def share_of(measurement: Measurement) -> str:
    """`77% of memcpy`: what the subject makes of the limit, or of a derived floor; or nothing."""
    limit = measurement.limit
    if "floor_seconds" in measurement.notes:
        share = measurement.notes["floor_seconds"] * measurement.subject.rate.median
        return f"{share:.0%} of the floor"
    if limit is None or limit.advantage is None:
        return ""
    return f"{limit.advantage.median:.0%} of {limit.label}"


def bar_of(bar: BarRecord) -> str:
    """`ratio >= 1,000: met`."""
    is_floor = bar.at_least is not None
    threshold = bar.at_least if bar.at_least is not None else bar.at_most
    assert threshold is not None
    value = f"{threshold:.0%}" if bar.quantity == "share" else three_digits(threshold)
    if bar.quantity == "rate":
        value = scaled(threshold)
    verdict = "met" if bar.is_met else "missed"
    return f"{bar.quantity} {'>=' if is_floor else '<='} {value}: {verdict}"
