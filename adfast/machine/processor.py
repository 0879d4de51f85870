"""Processor: the instruction set that the native kernels run, and what it multiplies fast.

`ADFAST_CPU` forces a set that the processor has: to measure or test on one machine how another
kind would compute.
"""

from __future__ import annotations

import os
from functools import cache

from adfast.errors import InvalidArgument

VARIABLE = "ADFAST_CPU"


def instruction_set() -> str:
    """The set that the native kernels run: what `ADFAST_CPU` says, or the fastest there is.

    Raises `InvalidArgument` unless that is one of `instruction_sets`.
    """
    return checked_instruction_set(os.environ.get(VARIABLE) or None)


@cache
def instruction_sets() -> tuple[str, ...]:
    """Those that this processor runs, the fastest first: of "avx512", "avx2" and "portable"."""
    from adfast import _native  # late: provenance describes machines that lack the extension

    return tuple(_native.attention_instruction_sets())


@cache
def checked_instruction_set(forced: str | None) -> str:
    """`forced`, or the fastest if it is None."""
    available = instruction_sets()
    if forced is None:
        return available[0]
    if forced not in available:
        raise InvalidArgument(
            f"{VARIABLE} must be one of {', '.join(available)} on this processor, "
            f'got "{forced}"; unset it for the fastest'
        )
    return forced


def multiplies_bfloat16_fast() -> bool:
    """Whether a product in bfloat16 is no slower than one in float32 on the set that runs.

    The others convert every factor, which makes small products some ten times slower.
    """
    from adfast import _native

    return instruction_set() == "avx512" and _native.has_bfloat16_products()


def describe_processor() -> dict[str, str | bool]:
    """JSON-ready, for provenance; empty where the extension does not load."""
    try:
        return {
            "instruction_set": instruction_set(),
            "fast_bfloat16": multiplies_bfloat16_fast(),
        }
    except ImportError:
        return {}
