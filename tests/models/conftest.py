import pytest

from adfast.machine import processor


@pytest.fixture(params=processor.instruction_sets())
def forced(request, monkeypatch):
    """Makes the kernels run one instruction set after the other; its name."""
    monkeypatch.setenv(processor.VARIABLE, request.param)
    return request.param
