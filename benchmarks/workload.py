"""Workload: a row of the table in `workloads.py`, its bars, and where its contest comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal

from benchmarks.contest import Contest, Role
from benchmarks.device import why_absent

Quantity = Literal["ratio", "share", "rate", "seconds"]
Count = Literal["allocated_bytes", "compilations", "operations"]

SUBJECT = "adfast"  # what rows call their subject


@dataclass(frozen=True)
class Bar:
    """What the median of a quantity must reach at full size.

    `ratio` is the subject's rate over that of rival number `rival` (None: over the fastest one's),
    `share` over the limit's; `rate` is in units/s, `seconds` per unit.
    """

    quantity: Quantity
    at_least: float | None = None
    at_most: float | None = None
    rival: int | None = 0


@dataclass(frozen=True)
class Workload:
    """A row: `factory(**arguments)` prepares the contest.

    `rivals`, `optional` ones that join them where they are installed, and `limit` are labels of its
    contenders. `small` replaces arguments. At small size, whatever the machine and its load, the
    subject is at least `small_ratio` times as fast as the first rival, and one of its calls takes
    no more than `counts` say.
    """

    name: str
    title: str
    layer: str
    unit: str
    factory: Callable[..., AbstractContextManager[Contest]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    bars: tuple[Bar, ...] = ()
    rivals: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    limit: str | None = None
    small_ratio: float | None = None
    counts: Mapping[Count, int] = field(default_factory=dict)

    @property
    def members(self) -> list[tuple[Role, str]]:
        """Who takes part, where all is installed."""
        rivals: list[tuple[Role, str]] = [("rival", label) for label in self.rivals + self.optional]
        limits: list[tuple[Role, str]] = [] if self.limit is None else [("limit", self.limit)]
        return [("subject", SUBJECT), *rivals, *limits]

    @property
    def device(self) -> str:
        """What computes it: "cpu", or "cuda" for a card."""
        return str(self.arguments.get("device", "cpu"))

    @property
    def words(self) -> set[str]:
        """What selects it."""
        return {self.name, self.layer, self.device}

    def why_skipped(self) -> str | None:
        """Why it cannot be timed on this machine; None where it can."""
        return why_absent(self.device)

    def on(self, device: str) -> Workload:
        """The same row on another device; its factory must take one."""
        return replace(self, arguments={**self.arguments, "device": device})

    def sizes(self, *, small: bool) -> dict[str, Any]:
        """The arguments at full or at small size."""
        return {**self.arguments, **self.small} if small else dict(self.arguments)

    def prepare(self, *, small: bool = False) -> AbstractContextManager[Contest]:
        """The contest, whose resources live as long as the context."""
        return self.factory(**self.sizes(small=small))


class ContestModule:
    """A module of this folder whose functions prepare contests, imported when one is prepared.

    So workloads can be listed without torch, and one layer measured without importing the others,
    which in another commit may not be there.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, function: str) -> Callable[..., AbstractContextManager[Contest]]:
        def prepare(**arguments: Any) -> AbstractContextManager[Contest]:
            factory = getattr(import_module(f"benchmarks.{self.name}"), function)
            contest: AbstractContextManager[Contest] = factory(**arguments)
            return contest

        return prepare
