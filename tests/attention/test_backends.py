"""The table of backends: what is chosen, what is refused, and that a line of it is enough."""

import os
import subprocess
import sys

import counting_backend
import pytest
import torch
from attention_cases import random_qkv

from adfast.attention import (
    BACKENDS,
    KeyValueCache,
    Place,
    attention,
    backends,
    decode,
    describe_backend,
    packed_attention,
    resolve_backend,
)
from adfast.errors import InvalidArgument, MissingPackage
from models.model_cases import random_histories, small_model, stream

KIND = (torch.float32, 16)


@pytest.fixture
def nothing_remembered():
    backends.resolved.cache_clear()
    yield
    backends.resolved.cache_clear()


def test_auto_is_what_supports_the_heads():
    assert resolve_backend("auto", "cpu", torch.float32, 128) == "cpu"
    assert resolve_backend("auto", "cpu", torch.float32, 129) == "banded"
    assert resolve_backend("auto", "cpu", torch.bfloat16, 16) == "banded"
    assert resolve_backend("auto", "cuda", torch.bfloat16, 16) == "triton"
    assert resolve_backend("reference", "cuda", torch.float64, 5) == "reference"


@pytest.mark.parametrize(
    ("backend", "device", "dtype", "head_dim", "message"),
    [
        ("flash", "cpu", *KIND, 'must be one of auto, triton, cpu, banded, reference, got "flash"'),
        ("triton", "cpu", *KIND, '"triton" needs a CUDA device, got cpu; use "auto", "cpu", "ban'),
        ("cpu", "cuda", *KIND, '"cpu" needs tensors on the CPU, got cuda; use "auto", "triton" or'),
        (
            "cpu",
            "cpu",
            torch.float64,
            16,
            "128 channels in float32, got 16 .*float64; change",
        ),
        ("auto", "cuda", torch.float32, 24, '16, 32, 64, 128 channels .* got 24 .* "reference"'),
        ("auto", "cuda", torch.float64, 16, "in float16, .* got 16 channels in torch.float64"),
        ("auto", "meta", *KIND, '"auto" has none for meta; use "reference"'),
        (["cpu"], "cpu", *KIND, "attention backend must be a name"),
    ],
)
def test_a_backend_that_cannot_run_is_an_error(backend, device, dtype, head_dim, message):
    with pytest.raises(InvalidArgument, match=message):
        resolve_backend(backend, device, dtype, head_dim)


def test_an_explicit_backend_is_never_replaced():
    q, k, v = random_qkv(0, 5)
    zero = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(InvalidArgument, match="needs a CUDA device"):
        attention(q, k, v, backend="triton")
    with pytest.raises(InvalidArgument, match="needs a CUDA device"):
        packed_attention(torch.zeros(2, 5, 6, 16), 2, backend="triton")
    tokens, cache = (x[:, :, 0] for x in (q, k, v)), KeyValueCache(2, 2, 16, 4)
    with pytest.raises(InvalidArgument, match="needs a CUDA device"):
        decode(*tokens, cache, zero, zero, backend="triton")


def test_what_is_chosen_is_looked_up_once(monkeypatch):
    assert resolve_backend("auto", "cpu", *KIND) == "cpu"
    monkeypatch.setattr(backends, "refusal_of", None)
    assert resolve_backend("auto", "cpu", *KIND) == "cpu"


@pytest.mark.usefixtures("nothing_remembered")
def test_a_choice_is_marked_as_torch_marks_what_a_graph_keeps():
    def marked():
        """What `torch.compiler` marks."""

    torch.compiler.assume_constant_result(marked)
    assert vars(resolve_backend) == vars(marked) != {}


def test_attention_does_not_load_the_compiler():
    program = "import sys, adfast; adfast.train, adfast.evaluate; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "torch" in ended.stdout.split()
    assert "torch._dynamo" not in ended.stdout.split()


def test_absent_triton_is_said_and_nothing_else_is_taken(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda package: None)
    with pytest.raises(MissingPackage, match='pip install triton, or use backend "reference"'):
        resolve_backend("auto", "cuda", *KIND)
    assert resolve_backend("reference", "cuda", *KIND) == "reference"


WITHOUT_EXTENSION = """
import sys
sys.modules["adfast._native"] = None
import torch
from adfast.attention import KeyValueCache, attention, decode, describe_backend, reference
q, k, v = torch.randn(3, 2, 2, 9, 16)
found = attention(q, k, v, window=4)
torch.testing.assert_close(found, attention(q, k, v, window=4, backend="reference"))
cache, zero = KeyValueCache(2, 2, 16, 4), torch.zeros(2, dtype=torch.int64)
steps = [decode(q[:, :, t], k[:, :, t], v[:, :, t], cache, zero + t, zero) for t in range(9)]
torch.testing.assert_close(torch.stack(steps, dim=2), found)
print(describe_backend("auto", "cpu", torch.float32, 16))
try:
    attention(q, k, v, backend="cpu")
except ImportError as error:
    print(type(error).__name__, error)
"""


def test_attention_is_right_without_the_extension_and_says_that_it_is_not_built():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTENSION],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    chosen, refused = done.stdout.splitlines()
    assert chosen == "banded"
    assert refused.startswith('MissingPackage attention backend "cpu" is not there: the extension ')
    assert refused.endswith('pip install -e ., or use backend "banded" or "reference"')


@pytest.mark.parametrize("backend", ["reference", "banded", "cpu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("window", [None, 1, 7])
def test_decode_streams_what_the_definition_computes_on_every_backend(window, dtype, backend):
    length = 80
    q, k, v = random_qkv(0, length, batch=3, heads=4)
    offset, start = torch.tensor([0, 3, 17]), torch.tensor([0, 3, 17])
    cache = KeyValueCache(3, 2, 16, window, dtype=dtype)
    cache.keys.fill_(torch.nan)  # what was never written must never be seen
    cache.values.fill_(torch.nan)
    steps = []
    for t in range(length):
        start[1] = 33 if t == 30 else start[1]  # reset there
        token = (x[:, :, t] for x in (q, k, v))
        steps.append(decode(*token, cache, offset + t, start, backend=backend))
    starts = torch.zeros(3, length, dtype=torch.int32)
    starts[1, 30:] = 30
    rounded = (x.to(dtype).double() for x in (k, v))
    expected = attention(
        q.double(), *rounded, window=window, document_start=starts, backend="reference"
    )
    found = torch.stack(steps, dim=2)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=5e-6)


def test_a_backend_is_a_line_of_the_table_through_a_models_forward_pass_and_its_steps(
    monkeypatch,
):
    monkeypatch.setitem(BACKENDS, "counting", Place("counting_backend"))
    counting_backend.CALLS.clear()
    settings = {"num_layers": 2, "attention_window": 5, "num_kv_heads": 1}
    batch = random_histories(2, 12)
    model = small_model(attention_backend="counting", **settings).eval()
    with torch.no_grad():
        whole, streamed = model(batch), stream(model, batch)
        torch.testing.assert_close(streamed, whole, rtol=0, atol=1e-5)
        torch.testing.assert_close(small_model(**settings)(batch), whole, rtol=0, atol=1e-5)
    assert counting_backend.CALLS == ["attention"] * 2 + ["decode"] * 24
    assert describe_backend("counting", "cpu", *KIND) == "counting"
    with pytest.raises(InvalidArgument, match='"counting" takes heads of even width, got 5'):
        resolve_backend("counting", "cpu", torch.float32, 5)


def test_a_model_whose_backend_nobody_knows_is_refused_when_it_is_built():
    with pytest.raises(InvalidArgument, match=r"must be one of auto, .* reference, got .counting"):
        small_model(attention_backend="counting")
