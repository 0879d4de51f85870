"""The exceptions that adfast raises on purpose.

Every message says what was wrong and how to mend it: field, rule, value, way out.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from adfast.printable import printable

MAX_SHOWN = 200  # characters of what a message quotes


def shown(value: object) -> str:
    """`value` as a message quotes it: its repr, printable, and no longer than is of use."""
    try:
        return legible(repr(value))
    except Exception:  # an integer of thousands of digits, or a class that cannot be shown
        return f"a value of type {type(value).__name__}"


def legible(text: str) -> str:
    """`text` on one line, printable, and no longer than is of use."""
    seen = printable(text[:MAX_SHOWN])
    is_whole = max(len(text), len(seen)) <= MAX_SHOWN
    return seen if is_whole else f"{seen[:MAX_SHOWN]}... ({len(text)} characters)"


BYTE_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10), ("bytes", 1))


def byte_size(num_bytes: int) -> str:
    """So many bytes, as people read them."""
    unit, scale = next((u, s) for u, s in BYTE_UNITS if num_bytes >= s or s == 1)
    size = num_bytes / scale
    return f"{size:,.0f} {unit}" if size >= 10 else f"{size:.3g} {unit}"


class AdfastError(Exception):
    """Base of every error that adfast raises for its callers."""


class InvalidArgument(AdfastError, ValueError):
    """An argument or a setting breaks a stated rule."""


class UnknownName(InvalidArgument):
    """A name that no catalogue, recipe or configuration knows; `nearest` is the likely one.

    `nearest` is found among the `valid` names unless it is given ("": there is none); `otherwise`
    is another way out, `source` where the name was given.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        valid: Iterable[str],
        *,
        nearest: str | None = None,
        otherwise: str = "",
        source: str = "",
    ) -> None:
        choices = sorted(valid)
        self.nearest = (nearest_name(name, choices) if nearest is None else nearest) or None
        hint = f'did you mean "{self.nearest}"? ' if self.nearest else ""
        listed = ", ".join(choices) or "none"
        place = f"{source}: " if source else ""
        super().__init__(
            f'{place}unknown {kind} "{legible(name)}"; {hint}valid: {listed}{otherwise}'
        )


def nearest_name(name: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that is spelt most like `name`, or None if none is."""
    return next(iter(get_close_matches(name[:MAX_SHOWN], list(choices), n=1, cutoff=0.5)), None)


class StoreError(AdfastError):
    """A history store that is missing, incomplete, damaged or of a newer format."""


class ForeignDataError(AdfastError):
    """Data of another tool that are damaged, of an unknown layout, or refused as unsafe."""


class WriteError(AdfastError):
    """A file that could not be written durably; it is the one from before or the whole new one."""


class InUse(AdfastError):
    """A folder in which another process is working; the message names it."""


class CheckpointError(AdfastError):
    """A checkpoint that is missing, damaged or of another model."""


class NotFinite(AdfastError):
    """Training that met a loss or a gradient that is no finite number; the message says where."""


class ClusterError(AdfastError):
    """A cluster that does not answer, or whose workers cannot do what is asked of them."""


class RunError(AdfastError):
    """A run directory in which the asked stage cannot start (finished, or lacking its input)."""


class MissingPackage(AdfastError, ImportError):
    """A package that is not installed, or a part of adfast that was not built."""


class Interrupted(AdfastError):
    """Work that stopped because it was asked to; the message says what is kept."""
