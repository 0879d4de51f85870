"""The exceptions that adfast raises on purpose.

Every message says what was wrong and how to mend it: field, rule, value, way out.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AdfastError(Exception):
    """Base of every error that adfast raises for its callers."""


class InvalidArgument(AdfastError, ValueError):
    """An argument or a setting breaks a stated rule."""


class UnknownName(InvalidArgument):
    """A name that no catalogue, recipe or configuration knows."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        choices = sorted(valid)
        nearest = get_close_matches(name, choices, n=1, cutoff=0.5)
        hint = f'did you mean "{nearest[0]}"? ' if nearest else ""
        super().__init__(f'unknown {kind} "{name}"; {hint}valid: {", ".join(choices) or "none"}')
        self.nearest = nearest[0] if nearest else None


class StoreError(AdfastError):
    """A history store that is missing, incomplete, damaged or of a newer format."""


class CheckpointError(AdfastError):
    """A checkpoint that is missing, damaged or of another model."""


class RunError(AdfastError):
    """A run directory in which the asked stage cannot start (finished, or lacking its input)."""
