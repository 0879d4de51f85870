"""Numbers and counts in words, as the page says them."""

from __future__ import annotations

from typing import Any

from adfast.runs.files.results import EvaluationResults


def last_episodes(evaluation: EvaluationResults) -> str:
    """The last five episodes by number, or the only one."""
    first = max(evaluation.episodes - 4, 1)
    return f"episodes {first} to {evaluation.episodes}" if evaluation.episodes > 1 else "episode 1"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it needs one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def quantity(value: float) -> str:
    """A large number to three digits: 3.84 M, 32.5 k."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: 9.2 s, 1 min 58 s, 3 h 05 min."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def setting(value: Any) -> str:
    """A value of a configuration file."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value) or "none"
    return str(value)
