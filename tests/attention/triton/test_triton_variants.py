"""The shipped kernels, compiled here without a GPU, against the table of their instructions.

The table says from which source each row was compiled. The first of each kind for sm_90 is compiled
again and must not be worse, and so is every row whose source has changed; `make kernels` does all.
"""

import pytest
import triton
from kernel_inspection import (
    ARCHITECTURES,
    compile_variant,
    complaints,
    fingerprint,
    load_variants,
    name_of,
    recorded_counts,
)

VARIANTS = load_variants()
RECORDED = recorded_counts()
KNOWN = RECORDED.get(triton.__version__, {})
ALL = [(variant, sm) for variant in VARIANTS for sm in ARCHITECTURES]


def kind_of(variant):
    """Which kernel, and by which options it differs from others of it."""
    return variant["kernel"], *sorted(variant.keys() - {"documents"})


FIRST_OF_KIND = {kind_of(variant): variant for variant in reversed(VARIANTS)}


def is_compiled_here(variant, architecture):
    """Whether this suite compiles it: the first of its kind for sm_90, and whatever has changed."""
    name = name_of(variant, architecture)
    changed = name not in KNOWN or KNOWN[name].source != fingerprint(variant, architecture)
    return changed or (architecture == 90 and FIRST_OF_KIND[kind_of(variant)] is variant)


@pytest.mark.parametrize(
    ("variant", "architecture"),
    [pair for pair in ALL if is_compiled_here(*pair)],
    ids=lambda value: name_of(value, 90) if isinstance(value, dict) else None,
)
def test_compiled_kernel_is_no_worse_than_recorded(variant, architecture):
    counts = compile_variant(variant, architecture)
    assert not complaints(variant, counts, KNOWN.get(name_of(variant, architecture)))


OF_A_MILLION = [
    variant
    for kind, variant in FIRST_OF_KIND.items()
    if kind[0] not in ("fused_layer", "merge_splits") and variant["dtype"] == "bfloat16"
]


NEWEST = max(ARCHITECTURES)  # whose strides are those of the others


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture",
    [pytest.param(a, marks=() if a == NEWEST else pytest.mark.thorough) for a in ARCHITECTURES],
)
@pytest.mark.parametrize("variant", OF_A_MILLION, ids=lambda variant: name_of(variant, 90))
def test_kernels_of_a_million_tokens_compile(variant, architecture):
    """Where a row of the batch has more than 2^31 elements Triton takes strides of 64 bits."""
    counts = compile_variant(variant | {"is_far": True}, architecture)
    assert not complaints(variant, counts, None)


def test_shipped_variants_are_few_and_all_recorded():
    assert len(VARIANTS) <= 40
    names = {name_of(*pair) for pair in ALL}
    for version, rows in RECORDED.items():
        assert rows.keys() == names, f"run `make kernels RECORD=1` with Triton {version}"


def test_recorded_rows_are_of_this_source():
    stale = [
        f"{name_of(*pair)} (Triton {version})"
        for version, rows in RECORDED.items()
        for pair in ALL
        if rows[name_of(*pair)].source != fingerprint(*pair)
    ]
    assert not stale, f"run `make kernels RECORD=1`, and again with the other Triton: {stale}"


@pytest.mark.parametrize("version", RECORDED)
def test_recorded_kernels_meet_the_bars(version):
    for variant, architecture in ALL:
        name = name_of(variant, architecture)
        counts = RECORDED[version][name]
        assert not complaints(variant, counts, None), name
        if variant["kernel"] == "forward" and "head_dim=16 dtype=bfloat16" in name:
            assert counts.interior <= (4.8 if "logit_bound" in variant else 6.9), name
            assert counts.masked <= 11.5, name
