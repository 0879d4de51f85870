"""Programs of torch.export compute what the transformer does, far past the window."""

import io

import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.models.portable.programs import forward_program, step_program
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from models.model_cases import SCHEMA, input_at, random_histories, small_model
from models.portable.test_plain_model import TOLERANCE, inputs_at, plain

PAST = 2_000  # steps beyond the window, of 16
CASES = {
    "rope, grouped heads": {"position_encoding": "rope", "num_heads": 4, "num_kv_heads": 2},
    "post-norm, three tokens": {"norm": "post", "layout": "three-token", "qk_norm": True},
}
FIRST, *FURTHER = CASES


def as_read_from_a_file(program):
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file).module()


def counted(values):
    """As programs take what is counted: int64."""
    return {
        name: x.long() if x.dtype != torch.bool and not x.is_floating_point() else x
        for name, x in values.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [FIRST, *(pytest.param(case, marks=pytest.mark.thorough) for case in FURTHER)]
)
@torch.no_grad()
def test_exported_step_is_ours_far_past_the_window(case):
    window = 16
    model = small_model(SCHEMA, attention_window=window, num_layers=1, **CASES[case]).eval()
    step = as_read_from_a_file(step_program(plain(model)))
    batch = random_histories(1, window + PAST)
    inputs = counted(inputs_at(batch, slice(None), is_set=False))
    ours, cache = model.new_cache(1), plain(model).new_cache(1)
    worst = 0.0
    for t in range(window + PAST):
        wanted = model.step(input_at(batch, t, ours), ours)
        logits, cache = step({name: x[:, t] for name, x in inputs.items()}, cache)
        worst = max(worst, float((logits - wanted).abs().max()))
    assert worst < TOLERANCE


@pytest.mark.slow
@torch.no_grad()
def test_exported_forward_takes_any_number_and_length():
    model = small_model(attention_window=6, num_layers=1).eval()
    program = as_read_from_a_file(forward_program(plain(model)))
    for shape in ((1, 2), (1, 9), (7, 30)):
        batch = random_histories(*shape)
        torch.testing.assert_close(program(counted(batch)), model(batch), atol=TOLERANCE, rtol=0)


@pytest.mark.slow
@pytest.mark.thorough
@torch.no_grad()
def test_exported_step_of_convolutions_takes_one_environment():
    schema = TransitionSchema(RealObservation("uint8", (9, 7, 3)), 3, 6)
    model = small_model(schema, picture_encoder="convolutions", num_layers=1).eval()
    step = as_read_from_a_file(step_program(plain(model)))
    batch = random_histories(1, 1, schema)
    inputs = counted(inputs_at(batch, 0, is_set=False))
    inputs = {k: x.float() if "observation" in k else x for k, x in inputs.items()}
    logits, _ = step(inputs, plain(model).new_cache(1))
    torch.testing.assert_close(logits, model(batch)[:, 0], atol=TOLERANCE, rtol=0)


def test_cache_without_an_end_is_refused():
    model = plain(small_model(attention_window=None))
    with pytest.raises(InvalidArgument, match=r"attention_window is none .*--longest-history"):
        step_program(model)
