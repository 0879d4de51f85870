"""Which kernels run is the processor's choice, or that of ADFAST_CPU, and never a silent other."""

import pytest
import torch

from adfast import provenance
from adfast.attention import describe_backend
from adfast.errors import InvalidArgument
from adfast.machine import processor


def test_the_fastest_set_runs_unless_one_is_forced(monkeypatch):
    monkeypatch.delenv("ADFAST_CPU", raising=False)
    assert processor.instruction_sets()[-1] == "portable"
    assert processor.instruction_set() == processor.instruction_sets()[0]
    for forced in processor.instruction_sets():
        monkeypatch.setenv("ADFAST_CPU", forced)
        assert processor.instruction_set() == forced
        named = describe_backend("auto", "cpu", torch.float32, 16)
        assert named == f"cpu (native-{forced})"
        assert provenance.collect_provenance()["instruction_set"] == forced


def test_an_empty_value_is_none(monkeypatch):
    monkeypatch.setenv("ADFAST_CPU", "")
    assert processor.instruction_set() == processor.instruction_sets()[0]


@pytest.mark.parametrize("value", ["neon", "AVX2", "avx512 "])
def test_what_is_not_there_is_refused_with_what_is(monkeypatch, value):
    monkeypatch.setenv("ADFAST_CPU", value)
    with pytest.raises(InvalidArgument, match=rf'ADFAST_CPU must be one of .*portable .*"{value}"'):
        processor.instruction_set()


def test_a_set_that_the_processor_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(processor, "instruction_sets", lambda: ("portable",))
    processor.checked_instruction_set.cache_clear()
    with pytest.raises(InvalidArgument, match='must be one of portable on this processor, got "av'):
        processor.checked_instruction_set("avx2")
    processor.checked_instruction_set.cache_clear()


@pytest.mark.parametrize("forced", ["avx2", "portable"])
def test_narrower_sets_multiply_no_bfloat16(monkeypatch, forced):
    if forced not in processor.instruction_sets():
        pytest.skip(f"this processor has no {forced}")
    monkeypatch.setenv("ADFAST_CPU", forced)
    assert not processor.multiplies_bfloat16_fast()
    assert provenance.collect_provenance()["fast_bfloat16"] is False


def test_fast_bfloat16_is_what_torch_finds(monkeypatch):
    monkeypatch.delenv("ADFAST_CPU", raising=False)
    assert processor.multiplies_bfloat16_fast() == torch.cpu._is_avx512_bf16_supported()
