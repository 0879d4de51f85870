"""Where a training computes follows from settings and machine, and what cannot run is refused."""

from dataclasses import replace

import pytest
import torch

from adfast.errors import InvalidArgument
from adfast.training.config import TrainingConfig
from adfast.training.execution import resolve_execution
from adfast.training.gradients import gradients
from adfast.training.gradients.undivided_gradient import UndividedGradient
from training.tiny_training import make_trainer, random_store


def resolve(**settings):
    backend = settings.pop("attention_backend", "auto")
    return resolve_execution(TrainingConfig.from_mapping(settings), backend, head_dim=16)


def test_processor_trains_in_float32_on_shards_uncompiled():
    resolved = resolve(device="cpu")
    assert resolved.is_sharded
    described = resolved.describe()
    assert described.pop("attention_backend").startswith("cpu (")
    assert described == {"device": "cpu", "precision": "float32", "compiled": False}


def test_card_trains_compiled_in_bfloat16(claimed_card):
    resolved = resolve()
    assert not resolved.is_sharded
    assert resolved.describe() == {
        "device": "Card",
        "precision": "bfloat16",
        "compiled": True,
        "attention_backend": "triton",
    }
    plain = resolve(precision="float32", compile=False)
    assert (plain.precision, plain.is_compiled) == (torch.float32, False)


def test_backend_that_is_named_is_recorded_or_refused():
    resolved = resolve(device="cpu", attention_backend="banded")
    assert resolved.describe()["attention_backend"] == "banded"
    with pytest.raises(InvalidArgument, match='"triton" needs a CUDA device, got cpu'):
        resolve(device="cpu", attention_backend="triton")
    with pytest.raises(InvalidArgument, match=r'"cpu" takes .* got 16 channels in torch\.bf'):
        resolve(device="cpu", precision="bfloat16", attention_backend="cpu")


def test_compiling_without_a_card_is_refused():
    with pytest.raises(InvalidArgument, match=r"training\.compile = true needs .*got cpu; use"):
        resolve(device="cpu", compile=True)
    assert not resolve(device="cpu", compile=False).is_compiled


def test_card_that_is_missing_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidArgument, match=r'training\.device = "cuda" needs'):
        make_trainer(tmp_path, device="cuda")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "gpu"}, r"device must be 'auto', 'cpu' or 'cuda'.*got 'gpu'"),
        ({"precision": "float16"}, r"precision must be 'auto', 'float32' or 'bfloat16'"),
        ({"compile": "yes"}, r"compile.*'auto'.*got 'yes'"),
    ],
)
def test_unknown_choices_are_refused(settings, message):
    with pytest.raises(InvalidArgument, match=message):
        resolve(**settings)


def test_bfloat16_trains_on_the_processor_too_and_resumes(tmp_path):
    store = random_store()
    settings = {"precision": "bfloat16", "activation_checkpointing": True, "store": store}
    whole = make_trainer(tmp_path / "whole", **settings)
    assert not whole.execution.is_sharded
    gradient = gradients.make_gradient(whole.model, whole.execution, 1, whole.config)
    assert isinstance(gradient, UndividedGradient)
    whole.run()
    assert whole.model.block_dtype == torch.float32
    shorter = make_trainer(tmp_path / "parts", **settings)
    newest = sorted((tmp_path / "whole" / "checkpoints").iterdir())[0]
    (tmp_path / "parts" / "checkpoints").mkdir(parents=True)
    (tmp_path / "parts" / "checkpoints" / newest.name).write_bytes(newest.read_bytes())
    shorter.run(resume=True)
    for one, other in zip(whole.model.parameters(), shorter.model.parameters(), strict=True):
        assert torch.equal(one, other)


class DirectTransfer:
    """A `Transfer` to the processor's own memory, at once."""

    class Done:
        def synchronize(self):
            pass

    def __init__(self, device):
        assert device == torch.device("cuda", 0)

    def allocate(self, like):
        return torch.empty_like(like), torch.empty_like(like)

    def copy(self, pairs, after):
        for host, device in pairs:
            device.copy_(host)
        return self.Done()

    def mark(self):
        return self.Done()

    def hold_back(self, event):
        pass

    def finish(self):
        pass


def test_device_trains_on_prefetched_batches_as_the_processor_does(tmp_path, monkeypatch):
    """The loop's way of a device, with the processor in its place."""
    store = random_store()
    expected = make_trainer(tmp_path / "processor", store=store)
    expected.run()
    trainer = make_trainer(tmp_path / "device", store=store)
    trainer.execution = replace(trainer.execution, device=torch.device("cuda", 0))
    monkeypatch.setattr(gradients, "CudaTransfer", DirectTransfer)
    state = trainer.run()
    assert state.update == expected.state.update
    for one, other in zip(trainer.model.parameters(), expected.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_batch_outside_the_schema_stops_a_training_on_a_device(tmp_path, monkeypatch):
    trainer = make_trainer(tmp_path)
    trainer.execution = replace(trainer.execution, device=torch.device("cuda", 0))
    monkeypatch.setattr(gradients, "CudaTransfer", DirectTransfer)
    fill = trainer.batch_of.fill

    def fill_wrongly(update, out):
        fill(update, out)
        out["action"][0, 0] = 5 if update == 3 else 0

    monkeypatch.setattr(trainer.batch_of, "fill", fill_wrongly)
    with pytest.raises(InvalidArgument, match=r"action must be in 0\.\.4 .* got 5"):
        trainer.run()
    assert trainer.state.update == 3
