"""Evidence in words: a sentence that says all, and a piece of a line that says what decides."""

from __future__ import annotations

from adfast.probes.evidence import Evidence


def in_full(piece: Evidence) -> str:
    """Its mean and interval, of how many tasks, by subject, and what it says."""
    interval = "too few tasks for an interval"
    if piece.low is not None and piece.high is not None and piece.confidence is not None:
        low, high = digits(piece.low, 3), digits(piece.high, 3)
        interval = f"{low} to {high} at {piece.confidence:.2%}"
    if piece.is_alike:
        interval = "in every task alike"
    several = ""
    if len(piece.by_subject) > 1:
        several = f"; by subject {', '.join(digits(mean, 3) for mean in piece.by_subject)}"
        several += ", which disagree" if piece.is_divided else ""
    return (
        f"{piece.name}: {digits(piece.mean, 3)}{unit_of(piece)} ({interval}, {piece.num_tasks} "
        f"tasks{several}); {piece.supports} {piece.threshold:.3g} supports"
    )


def in_short(piece: Evidence) -> str:
    """The mean, in Markdown, with its interval and what would support the claim."""
    interval = ""
    if piece.low is not None and piece.high is not None:
        interval = f" ({digits(piece.low, 2)} to {digits(piece.high, 2)})"
    if piece.is_alike:
        interval = " (in every task alike)"
    sign = ">" if piece.supports == "above" else "<"
    wanted = f"{sign} {piece.threshold:g} supports"
    wanted += ", but not all seeds agree" if piece.is_divided else ""
    return f"{piece.name} **{digits(piece.mean, 2)}**{unit_of(piece)}{interval}, {wanted}"


def unit_of(piece: Evidence) -> str:
    """Its unit behind a blank, if it has one."""
    return f" {piece.unit}" if piece.unit else ""


def digits(value: float, count: int) -> str:
    """A number to so many digits, and to no more than one more behind the point."""
    return f"{round(value, count + 1) + 0.0:.{count}g}"
