"""A family's pure functions, the same objects for all loops: each is compiled once in a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adfast.tasks.family import TaskFamily


@lru_cache(64)
def family_functions(family: TaskFamily) -> tuple[Callable[..., Any], ...]:
    """`reset`, `step` and `observe`, which a family makes anew whenever they are asked for."""
    return family.reset, family.step, family.observe
