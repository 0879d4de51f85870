"""The shipped kernels, compiled here without a GPU, against the table of their instructions.

The table says from which source each row was compiled. A row whose source has changed is compiled
again and must not be worse; so are a few that stand for the rest. `make kernels` compiles all.
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
STAND_FOR_THE_REST = {
    "forward head_dim=16 dtype=bfloat16 reach=256 documents sm_90",
    "forward head_dim=16 dtype=bfloat16 reach=16384 documents logit_bound=8.0 sm_90",
    "query_gradients head_dim=32 dtype=bfloat16 reach=256 documents sm_90",
    "key_value_gradients head_dim=16 group=1 dtype=bfloat16 reach=16384 documents fused sm_90",
}


def is_compiled_here(variant, architecture):
    """Of the changed ones, those that this suite has the time for; the others ask for `make`."""
    name = name_of(variant, architecture)
    changed = name not in KNOWN or KNOWN[name].source != fingerprint(variant, architecture)
    is_main = architecture == 90 and variant["dtype"] == "bfloat16"
    return name in STAND_FOR_THE_REST or (changed and is_main)


@pytest.mark.parametrize(
    ("variant", "architecture"),
    [pair for pair in ALL if is_compiled_here(*pair)],
    ids=lambda value: name_of(value, 90) if isinstance(value, dict) else None,
)
def test_compiled_kernel_is_no_worse_than_recorded(variant, architecture):
    counts = compile_variant(variant, architecture)
    assert not complaints(variant, counts, KNOWN.get(name_of(variant, architecture)))


def test_shipped_variants_are_few_and_all_recorded():
    assert len(VARIANTS) <= 40
    names = {name_of(*pair) for pair in ALL}
    assert names >= STAND_FOR_THE_REST
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
            assert counts.interior <= (4.6 if "logit_bound" in variant else 6.7), name
            assert counts.masked <= 11.5, name
