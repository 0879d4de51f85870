"""Rivals that are timed on the same workloads where somebody has installed them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from benchmarks.contest import Contest
from benchmarks.pair_timer import Contender
from benchmarks.rivals.c_compiler import compiler_version

# What is imported -> what pip installs.
OPTIONAL = {
    "gymnax": "gymnax six",  # six, which gymnax imports and does not ask for
    "envpool": "envpool",
    "miniworld": "miniworld",
    "flashbax": "flashbax",
    "cpprb": "cpprb",
    "torchrl": "torchrl",
}


@dataclass(frozen=True)
class Rival:
    """A contender and the proof that it does the subject's work (raises `NotEquivalent`)."""

    contender: Contender
    check: Callable[[], None]


def is_installed(package: str) -> bool:
    """Whether `package` can be imported."""
    return find_spec(package) is not None


def rival_of(package: str, prepare: str, *arguments: Any) -> list[Rival]:
    """`benchmarks.rivals.MODULE.FUNCTION(*arguments)`, if `package` is installed.

    `prepare` is "MODULE.FUNCTION"; the module imports the package.
    """
    if not is_installed(package):
        return []
    module, function = prepare.split(".")
    return [getattr(import_module(f"benchmarks.rivals.{module}"), function)(*arguments)]


def with_rivals(contest: Contest, rivals: Iterable[Rival]) -> Contest:
    """The contest with `rivals` behind its own."""
    added = tuple(rivals)

    def check() -> None:
        contest.check()
        for rival in added:
            rival.check()

    contenders = (*contest.rivals, *(rival.contender for rival in added))
    return replace(contest, rivals=contenders, check=check)


def versions() -> dict[str, str]:
    """Name -> version of the installed ones and of the C compiler, for a record."""
    installed = {
        package: metadata.version(package) for package in OPTIONAL if is_installed(package)
    }
    compiled_by = compiler_version()
    return installed if compiled_by is None else installed | {"C": compiled_by}


def availability() -> list[tuple[str, str]]:
    """Each optional rival, and whether it is installed or how to."""
    in_c = ("Dark Room in C", compiler_version() or "no compiler: install gcc or clang")
    return [in_c] + [
        (package, "installed" if is_installed(package) else f"not installed: pip install {install}")
        for package, install in OPTIONAL.items()
    ]
