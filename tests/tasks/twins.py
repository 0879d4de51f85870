"""Every shipped family in all its options, with its twin: `tests/reference/` as one table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from adfast.tasks.catalogue import FAMILIES
from reference import gridworld
from reference.mixture import twin_environment


class Case(NamedTuple):
    """A family's options, and its twin of a task id."""

    options: dict[str, Any]
    twin_of: Callable[..., Any]


def plain_case(name: str, variant: str) -> Case:
    """A variant of the family's own twin."""
    options = import_module(f"reference.{name.replace('-', '_')}").VARIANTS[variant]
    return Case(options, partial(twin_environment(name).reference, **options))


def varied_case(name: str, variant: str) -> Case:
    """A variant that is every gridworld's, around the family's own twin."""
    options, plain_tasks = gridworld.VARIANTS[name][variant]
    twin = partial(
        gridworld.VariantReference,
        twin=twin_environment(name).reference,
        plain_tasks=plain_tasks,
        move_goals=gridworld.MOVE_GOALS.get(name),
        **options,
    )
    return Case(options, twin)


CASES = {
    (name, variant): plain_case(name, variant)
    for name in FAMILIES.shipped
    for variant in import_module(f"reference.{name.replace('-', '_')}").VARIANTS
} | {
    (name, f"varied, {variant}"): varied_case(name, variant)
    for name, variants in gridworld.VARIANTS.items()
    for variant in variants
}

# Another row of the family shows their kind: what they vary alone are sizes and probabilities, or a
# row has the same option beside others. For `make thorough`; `make twins` takes all.
FURTHER = {
    *(("bandit", variant) for variant in ("odd", "two-arms")),
    *(("cliff-walking", variant) for variant in ("gymnasium", "large")),
    *(("dark-house", variant) for variant in ("one-room", "terminating")),
    ("dark-room", "hard"),
    *(("dark-room", f"varied, {variant}") for variant in ("slips", "permuted", "noisy", "moving")),
    *(("frozen-lake", variant) for variant in ("gymnasium", "large", "varied, noisy")),
    *(("key-to-door", variant) for variant in ("observed", "peers", "varied, moving")),
    *(("keys-and-boxes", variant) for variant in ("all-lying", "one")),
    ("mixture", "others"),
    *(
        ("random-world", variant)
        for variant in ("deterministic", "never-slips", "two-states", "all-pay")
    ),
    ("water-maze", "small"),
}
assert CASES.keys() >= FURTHER


def every_variant(name: str) -> pytest.MarkDecorator:
    """Parametrizes a test by the `options` of each variant of a family's own twin."""
    return pytest.mark.parametrize(
        "options",
        [
            pytest.param(case.options, id=variant, marks=marks_of(name, variant))
            for (of, variant), case in CASES.items()
            if of == name and not variant.startswith("varied, ")
        ],
    )


def marks_of(name: str, variant: str) -> tuple[pytest.MarkDecorator, ...]:
    """`thorough` for those of `FURTHER`."""
    return (pytest.mark.thorough,) if (name, variant) in FURTHER else ()
